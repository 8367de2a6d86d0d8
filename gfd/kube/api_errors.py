"""Add the next step to an error of the API server, for the log of a sink or for the user of a command."""

from __future__ import annotations

from gfd.errors import ApiError, PublishError

_POLICY = "ValidatingAdmissionPolicy"
_UNAUTHORIZED, _FORBIDDEN = 401, 403
_ANONYMOUS = 'User "system:anonymous"'


def is_unauthenticated(error: ApiError) -> bool:
    """Return whether the server refused the credentials, or gfd sent none.

    gfd sends none while the token file is empty because it is being written. The server then answers 403.
    """
    return error.status == _UNAUTHORIZED or (error.status == _FORBIDDEN and _ANONYMOUS in str(error))


def to_publish_error(sink: str, target: str, error: ApiError, *, grant: str) -> PublishError:
    """Return the error to raise from a sink; ``grant`` is the manifest that grants the sink's rights.

    A later attempt can succeed: somebody can grant the rights, and an outage ends.
    """
    reason = str(error)
    if error.status == _UNAUTHORIZED:
        reason += "; the API server rejects the token, even after reading it again; check the service account"
    elif is_unauthenticated(error):
        reason += "; gfd found no credentials, even after reading them again; is the token file empty?"
    elif error.status == _FORBIDDEN and _POLICY in reason:
        reason += "; install the policy and gfd with the same chart values"
    elif error.status == _FORBIDDEN:
        reason += f"; the verb {error.verb} is granted by {grant}"
    return PublishError(sink, target, reason, kind=error.kind, retry_after_s=error.retry_after_s)


def add_advice(error: ApiError, verb: str, what: str, alternative: str = "") -> ApiError:
    """Return the error of a command, with the next step for a user who may not ``verb`` ``what``.

    ``alternative`` is what the user can do without that right.
    """
    reason = str(error)
    if is_unauthenticated(error):
        reason += f"; log in again, or set other credentials with --kubeconfig or --context{alternative}"
    elif error.status == _FORBIDDEN:
        reason += f"; this needs the verb {verb} on {what}{alternative}"
    return ApiError(reason, kind=error.kind, status=error.status, verb=error.verb, details=error.details)
