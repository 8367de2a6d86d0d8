"""What an answer of the API server means for a sink, or a person, in a sentence with the next step."""

from __future__ import annotations

from gfd.errors import ApiError, PublishError

_POLICY = "ValidatingAdmissionPolicy"
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_NOBODY = 'User "system:anonymous"'


def is_unauthenticated(error: ApiError) -> bool:
    """Return whether the server does not know who asks: the credentials are refused, or there were none.

    None where the file of a token was just being written: the server answers 403 to whoever is nobody.
    """
    return error.status == _UNAUTHORIZED or (error.status == _FORBIDDEN and _NOBODY in str(error))


def to_publish_error(sink: str, target: str, error: ApiError, *, grant: str) -> PublishError:
    """Return the error to raise; ``grant`` is the manifest that grants what the sink needs.

    All of it may heal without a restart: rights are granted, an outage ends.
    """
    reason = str(error)
    if error.status == _UNAUTHORIZED:
        reason += "; the token is not accepted, also after it was read again: see the service account"
    elif is_unauthenticated(error):
        reason += "; no credentials were found, also when they were read again: is the token's file empty?"
    elif error.status == _FORBIDDEN and _POLICY in reason:
        reason += "; the policy and gfd's flags must come from the same values"
    elif error.status == _FORBIDDEN:
        reason += f"; the verb {error.verb} is granted by {grant}"
    return PublishError(sink, target, reason, kind=error.kind, retry_after_s=error.retry_after_s)


def add_advice(error: ApiError, verb: str, what: str, otherwise: str = "") -> ApiError:
    """Return the error to raise to a person who wanted to ``verb`` ``what``, and could do something else."""
    reason = str(error)
    if is_unauthenticated(error):
        reason += f"; log in again, or name other credentials with --kubeconfig or --context{otherwise}"
    elif error.status == _FORBIDDEN:
        reason += f"; the verb {verb} on {what} is needed{otherwise}"
    return ApiError(reason, kind=error.kind, status=error.status, verb=error.verb, details=error.details)
