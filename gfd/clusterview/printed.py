"""Objects as kubectl printed them into a file: one, or a List of them, in JSON or YAML."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeVar

from gfd.errors import DocumentError
from gfd.printable import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

T = TypeVar("T")


def read_list(path: Path, kind: str, command: str, convert: Callable[[Any], T]) -> list[T]:
    """Return what ``convert`` makes of each object of a file, ``-`` for standard input.

    ``convert`` raises ValueError for what an object of that kind cannot be; the text completes "it …". Raises
    DocumentError, which names the object.
    """
    from gfd.documents.reader import read_plain

    source = "standard input" if str(path) == "-" else shown(str(path))
    hint = f"expected what {command} prints"
    try:
        data = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise DocumentError(source, 0, f"{error.strerror}; {hint}") from error
    found: list[T] = []
    try:
        documents = [each for each in read_plain(data, source) if each is not None]
    except DocumentError as error:
        raise DocumentError(source, error.line, f"{error.reason}; {hint}") from error
    try:
        for item in _unpack(documents, kind):
            found.append(convert(item))
    except _WrongKind as error:
        raise DocumentError(source, 1, f"{shown(str(error))}; {hint}") from None
    except ValueError as error:
        what = _name(item) or f"number {len(found) + 1}"
        raise DocumentError(source, 0, f"{shown(f'{kind} {what} {error}')}; {hint}") from error
    return found


class _WrongKind(Exception):
    """The file holds something else."""


def _unpack(documents: list[Any], kind: str) -> Iterator[dict[str, Any]]:
    if not documents:
        raise _WrongKind("holds nothing")
    for document in documents:
        listed = document.get("kind") if isinstance(document, dict) else None
        if not isinstance(listed, str):
            raise _WrongKind("holds no Kubernetes object")
        if listed not in (kind, "List", f"{kind}List"):
            raise _WrongKind(f"holds a {listed}, not {kind}s")
        items = [document] if listed == kind else document.get("items")
        if not isinstance(items, list):
            raise _WrongKind(f"holds a {listed} without items")
        for item in items:
            if not isinstance(item, dict) or item.get("kind", kind) != kind:
                raise _WrongKind(f"holds a List with {_describe(item)}, not of {kind}s only")
            yield item


def _describe(item: Any) -> str:
    kind = item.get("kind") if isinstance(item, dict) else None
    return f"a {kind}" if isinstance(kind, str) else "something that is no object"


def _name(item: dict[str, Any]) -> str:
    metadata = item.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return str(name) if isinstance(name, str | int) else ""
