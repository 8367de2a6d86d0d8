"""What an answer of the API server means for a sink, in a sentence with the next step."""

from __future__ import annotations

from gfd.errors import ApiError, PublishError

_POLICY = "ValidatingAdmissionPolicy"


def explain(sink: str, target: str, error: ApiError, *, grant: str) -> PublishError:
    """Return the error to raise; ``grant`` is the manifest that grants what the sink needs.

    All of it may heal without a restart: rights are granted, an outage ends.
    """
    reason = str(error)
    if error.status == 401:
        reason += "; the token is not accepted, also after it was read again: see the service account"
    elif error.status == 403 and _POLICY in reason:
        reason += "; the policy and gfd's flags must come from the same values"
    elif error.status == 403:
        reason += f"; the verb {error.verb} is granted by {grant}"
    return PublishError(sink, target, reason, kind=error.kind, retry_after_s=error.retry_after_s)
