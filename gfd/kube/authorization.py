"""Make the authorization header: the only place where a credential becomes part of a request."""

from __future__ import annotations

from base64 import b64decode

from gfd.errors import ApiError
from gfd.text import remember_credentials


def make_header(value: str, origin: str) -> dict[str, str]:
    """Return the header for ``value``, such as ``Bearer TOKEN``; no header if the token is empty.

    Raises ApiError, which names the ``origin`` of the value but not the value.
    """
    scheme, _, credential = value.strip().partition(" ")
    credential = credential.strip()
    remember_credentials(credential)
    if scheme == "Basic":
        remember_credentials(*_find_password(credential))
    if not credential.isascii() or not credential.isprintable():
        reason = "the credential has a character that HTTP headers do not allow, such as a line break"
        raise ApiError(f"{origin}: {reason}; write it again", kind="credentials")
    return {"authorization": f"{scheme} {credential}"} if credential else {}


def _find_password(credential: str) -> tuple[str, ...]:
    """Return the password of basic authentication; nothing if the format is different."""
    try:
        return tuple(b64decode(credential).decode("latin-1").split(":", 1)[1:])
    except ValueError:
        return ()
