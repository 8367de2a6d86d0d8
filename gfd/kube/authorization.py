"""The header that says who we are: the one place that makes one of what was read as a credential."""

from __future__ import annotations

from base64 import b64decode

from gfd.errors import ApiError
from gfd.text import remember_credentials


def make_header(value: str, origin: str) -> dict[str, str]:
    """Return the header for ``value``, such as ``Bearer TOKEN``; none where the token is empty.

    Raises ApiError that names ``origin``, where it came from, and never the value.
    """
    scheme, _, credential = value.strip().partition(" ")
    credential = credential.strip()
    remember_credentials(credential)
    if scheme == "Basic":
        remember_credentials(*_split(credential))
    if not credential.isascii() or not credential.isprintable():
        reason = "a character that no HTTP header may hold, such as a line break in its middle"
        raise ApiError(f"{origin}: the credential has {reason}; write it again", kind="credentials")
    return {"authorization": f"{scheme} {credential}"} if credential else {}


def _split(credential: str) -> tuple[str, ...]:
    """Return name and password of basic authentication; nothing where it is something else."""
    try:
        return tuple(b64decode(credential).decode("latin-1").split(":", 1)[1:])
    except ValueError:
        return ()
