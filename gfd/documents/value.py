"""A value of a YAML or JSON file that knows its file, its line and its path."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeGuard

from gfd.errors import DocumentError
from gfd.text import list_known, quote

MAX_INTEGER = 2**63 - 1


class Value(NamedTuple):
    """A value with its file, line and path.

    The values inside :attr:`content` have no paths, because several places can use one anchor. The methods
    :meth:`mapping`, :meth:`member`, :meth:`field` and :meth:`items` return values with their paths. A value
    that was moved into another one keeps its path.
    """

    source: str
    """The name of the file in messages."""
    line: int
    """The line of the value; in a mapping, the line of its key."""
    content: Content
    path: str = ""
    """``gpus[0].model``, or ``limits[nvidia.com/gpu]`` if a key has a dot or a slash; empty at the top."""

    def error(self, reason: str) -> DocumentError:
        """Return the error to raise about this value: file, line, path and reason."""
        return DocumentError(self.source, self.line, reason, self.path)

    def member(self, key: str) -> Value | None:
        """Return the value under ``key``; None if it is absent or null, or if this is not a mapping."""
        found = self.content.get(key) if isinstance(self.content, dict) else None
        return None if found is None or found.content is None else self._place(self._join(key), found)

    def field(self, key: str) -> Value:
        """Return the value under ``key``; if it is absent, null with the line of this mapping."""
        found = self._members().get(key)
        return self._place(self._join(key), found or self._null())

    def mapping(self) -> dict[str, Value]:
        """Return the values by key; null counts as an empty mapping. Raises DocumentError."""
        return {key: self._place(self._join(key), value) for key, value in self._members().items()}

    def only(self, *known: str) -> Value:
        """Return this mapping. Raises DocumentError if it has a key that is not ``known``."""
        for key, value in self.mapping().items():
            if key not in known:
                raise value.error(f"unknown key; {list_known(key, known)}")
        return self

    def items(self) -> list[Value]:
        """Return the items of a list."""
        if not isinstance(self.content, tuple):
            raise self.error(f"expected a list, found {describe(self.content)}")
        return [self._place(f"{self.path}[{index}]", item) for index, item in enumerate(self.content)]

    def text(self) -> str:
        """Return a string."""
        if not isinstance(self.content, str):
            quotes = "; put it in quotes" if isinstance(self.content, int | float) else ""
            raise self.error(f"expected a string, found {describe(self.content)}{quotes}")
        return self.content

    def integer(self, minimum: int = 0) -> int:
        """Return a whole number of at least ``minimum`` and below 2^63."""
        if not is_integer(self.content) or not minimum <= self.content <= MAX_INTEGER:
            expected = f"expected a whole number of at least {minimum}"
            raise self.error(f"{expected}, found {describe(self.content)}")
        return self.content

    def boolean(self) -> bool:
        """Return true or false."""
        if not isinstance(self.content, bool):
            quotes = "; remove the quotes" if self.content in ("true", "false") else ""
            raise self.error(f"expected true or false, found {describe(self.content)}{quotes}")
        return self.content

    def plain(self) -> Any:
        """Return the value as dicts, lists and scalars; all uses of an anchor are the same object."""
        return _simplify(self.content, {})

    def _members(self) -> dict[str, Value]:
        if not isinstance(self.content, dict | None):
            raise self.error(f"expected a mapping, found {describe(self.content)}")
        return self.content or {}

    def _null(self) -> Value:
        return Value(source=self.source, line=self.line, content=None)

    def _join(self, key: str) -> str:
        if "." in key or "/" in key:
            return f"{self.path}[{key}]"
        return f"{self.path}.{key}" if self.path else key

    def _place(self, path: str, value: Value) -> Value:
        return Value(source=value.source, line=value.line, content=value.content, path=value.path or path)


Content = None | bool | int | float | str | tuple[Value, ...] | dict[str, Value]
"""The content of a list or mapping: values without their paths."""


def describe(content: Content) -> str:
    """Return a short description of a value, for messages."""
    if content is None:
        return "nothing"
    if isinstance(content, bool):
        return "true" if content else "false"
    if isinstance(content, int | float):
        return f"the number {content}"
    if isinstance(content, str):
        return f"the string {quote(content)}"
    return "a list" if isinstance(content, tuple) else "a mapping"


def is_integer(content: Content) -> TypeGuard[int]:
    """Return whether ``content`` is a whole number; true and false are not."""
    return isinstance(content, int) and not isinstance(content, bool)


def wrap(plain: Any, source: str) -> Value:
    """Return dicts, lists and scalars as a value without lines; ``source`` names them in errors."""
    content: Content = plain
    if isinstance(plain, dict):
        content = {key: wrap(each, source) for key, each in plain.items()}
    elif isinstance(plain, list):
        content = tuple(wrap(each, source) for each in plain)
    return Value(source=source, line=0, content=content)


def _simplify(content: Content, done: dict[int, Any]) -> Any:
    """Return ``content`` as lists and dicts; ``done`` has the finished ones, by the id of their content."""
    if not isinstance(content, tuple | dict):
        return content
    if id(content) not in done:
        if isinstance(content, tuple):
            done[id(content)] = [_simplify(item.content, done) for item in content]
        else:
            done[id(content)] = {key: _simplify(value.content, done) for key, value in content.items()}
    return done[id(content)]
