"""Impersonation: a kubeconfig can say in whose name its user sends requests, as kubectl --as does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from gfd.text import shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FIELDS = ("as", "as-uid", "as-groups", "as-user-extra")


def make_headers(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Return the headers for the fields as, as-uid, as-groups and as-user-extra of a kubeconfig's user.

    Several headers can have the same name. Raises ValueError, which names the field.
    Source: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation
    """
    fields = [name for name in _FIELDS if user.get(name)]
    if fields and "as" not in fields:
        raise ValueError(f"{fields[0]} needs the field as, which names the user to impersonate")
    return tuple(_check(*each) for name in fields for each in _make_field(name, user[name]))


def _make_field(name: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """Yield the field, the header's name and its value."""
    match name:
        case "as":
            yield name, "Impersonate-User", value
        case "as-uid":
            yield name, "Impersonate-Uid", value
        case "as-groups":
            yield from ((name, "Impersonate-Group", group) for group in value)
        case _:
            for key, texts in value.items():
                # The server reads the keys in lower case and decodes what headers do not allow.
                header = f"Impersonate-Extra-{quote(key.lower(), safe='')}"
                yield from ((name, header, text) for text in texts)


def _check(field: str, header: str, value: str) -> tuple[str, str]:
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{field}: {shorten(value)} has a character that HTTP headers do not allow")
    return header, value
