"""Read YAML and JSON into values that know their line and path.

The reader behaves like Go's yaml.v2, which the device plugin and kubectl use: tabs are allowed between
tokens, the last of several equal keys wins, and :mod:`gfd.documents.scalars` converts scalars.
A small file cannot fill the memory: all uses of an anchor share one value, and their number is limited.
Import this module late: it imports PyYAML.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import yaml

from gfd.documents.scalars import YAML, convert
from gfd.documents.value import Value
from gfd.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gfd.documents.value import Content

MAX_DEPTH = 100
MAX_REPEATED = 1_000_000
"""The maximum number of values that a document may add by repeated anchors; merges (``<<``) copy them."""

# libyaml's parser is twenty times as fast, and accepts tabs as Go does. Some builds of PyYAML lack it.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = f"{YAML}merge"
_SURROGATES = re.compile(rb"(?<!\\)((?:\\\\)*)(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})")
"""A character beyond U+FFFF as JSON escapes it; YAML writes one escape."""


def read(data: bytes | str, source: str, find_line: Callable[[int], int] | None = None) -> Value:
    """Return the first document of ``data``; null if it has none. Raises DocumentError.

    ``source`` is the name of the file in errors. ``find_line`` maps lines of ``data`` to lines of that file.
    """
    return next(read_all(data, source, find_line), Value(source=source, line=1, content=None))


def read_all(
    data: bytes | str, source: str, find_line: Callable[[int], int] | None = None
) -> Iterator[Value]:
    """Parse and yield the documents of ``data`` one by one; see :func:`read`. Raises DocumentError."""
    encoded = data.encode(errors="surrogatepass") if isinstance(data, str) else data
    if encoded.lstrip()[:1] in (b"{", b"["):
        encoded = _SURROGATES.sub(_join_surrogates, encoded)

    def fail(line: int, reason: str) -> DocumentError:
        # The parser reports a missing bracket in the line after the last one.
        line = min(line, len(encoded.splitlines()) or 1)
        return DocumentError(source, find_line(line) if find_line else line, reason)

    try:
        yield from _Builder(_Parser(encoded), source, find_line).build_documents()
    except _NotReadableError as error:
        raise fail(error.line, str(error)) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise fail(line, f"is not valid YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        line = encoded.count(b"\n", 0, error.position) + 1
        raise fail(line, f"is not valid YAML: {_describe_character(error)}") from error


def _join_surrogates(match: re.Match[bytes]) -> bytes:
    character: str = json.loads(b'"%b"' % match[2])
    return match[1] + character.encode()


def _describe_character(error: yaml.reader.ReaderError) -> str:
    if "not allowed" in error.reason:
        return f"it has the character U+{error.character:04X}, which YAML does not allow"
    return "it is not text in UTF-8"


class _NotReadableError(Exception):
    """A document that is valid YAML but that gfd refuses."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


class _Builder:
    """Builds values from the events of a parser."""

    def __init__(self, parser: Any, source: str, find_line: Callable[[int], int] | None) -> None:
        self._parser = parser
        self._source = source
        self._find_line = find_line

    def build_documents(self) -> Iterator[Value]:
        while (event := self._parser.get_event()) is not None:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors: dict[str, tuple[Content, int] | None] = {}
                """Content and size by anchor; None while the value with the anchor is not complete."""
                self._repeated = 0
                first = self._parser.get_event()
                content, _ = self._build(first, 0)
                self._parser.get_event()  # the end: whatever follows the value in this document is an error
                yield self._locate(first, content)

    def _locate(self, event: Any, content: Content) -> Value:
        line = _start_line(event)
        return Value(
            source=self._source, line=self._find_line(line) if self._find_line else line, content=content
        )

    def _build(self, event: Any, depth: int) -> tuple[Content, int]:
        """Return the value that begins with ``event``, and the number of values in it, including itself."""
        if isinstance(event, yaml.ScalarEvent):
            return self._store_anchor(event, (_read_scalar(event), 1))
        if isinstance(event, yaml.AliasEvent):
            return self._use_anchor(event)
        if depth == MAX_DEPTH:
            raise _NotReadableError(_start_line(event), "is nested too deeply")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        build = self._build_mapping if isinstance(event, yaml.MappingStartEvent) else self._build_sequence
        return self._store_anchor(event, build(depth + 1))

    def _store_anchor(self, event: Any, built: tuple[Content, int]) -> tuple[Content, int]:
        if event.anchor is not None:
            self._anchors[event.anchor] = built
        return built

    def _use_anchor(self, event: Any) -> tuple[Content, int]:
        if event.anchor not in self._anchors:
            raise _NotReadableError(
                _start_line(event), f"uses *{event.anchor}, but &{event.anchor} is not above it"
            )
        built = self._anchors[event.anchor]
        if built is None:
            raise _NotReadableError(_start_line(event), f"has an anchor that contains itself: {event.anchor}")
        self._repeated += built[1]
        if self._repeated > MAX_REPEATED:
            raise _NotReadableError(_start_line(event), "is too large: it uses its anchors again and again")
        return built

    def _build_sequence(self, depth: int) -> tuple[Content, int]:
        items = []
        size = 1
        while not isinstance(event := self._parser.get_event(), yaml.SequenceEndEvent):
            content, item_size = self._build(event, depth)
            items.append(self._locate(event, content))
            size += item_size
        return tuple(items), size

    def _build_mapping(self, depth: int) -> tuple[Content, int]:
        members: dict[str, Value] = {}
        size = 1
        while not isinstance(key := self._parser.get_event(), yaml.MappingEndEvent):
            name = None if _is_merge(key) else self._build_key(key)
            value = self._parser.get_event()
            content, value_size = self._build(value, depth)
            size += value_size
            if name is None:
                members |= _merge(content, value)
            else:
                members[name] = self._locate(key, content)
        return members, size

    def _build_key(self, event: Any) -> str:
        is_single = isinstance(event, yaml.ScalarEvent | yaml.AliasEvent)
        content = self._build(event, 0)[0] if is_single else None
        if content is None or isinstance(content, tuple | dict):
            raise _NotReadableError(_start_line(event), "has a key that is not a string")
        return str(content).lower() if isinstance(content, bool) else str(content)


def _start_line(event: Any) -> int:
    return int(event.start_mark.line) + 1


def _read_scalar(event: Any) -> Content:
    tag = "" if event.tag in {None, "!"} else event.tag
    try:
        return convert(event.value, tag, is_plain=event.implicit[0])
    except ValueError as error:
        raise _NotReadableError(_start_line(event), str(error)) from None


def _is_merge(key: Any) -> bool:
    if not isinstance(key, yaml.ScalarEvent) or key.value != "<<":
        return False
    return bool(key.implicit[0]) or key.tag == _MERGE


def _merge(content: Content, event: Any) -> dict[str, Value]:
    """Return the keys and values that ``<<`` adds; if several mappings have a key, the first wins."""
    members: dict[str, Value] = {}
    for each in reversed([item.content for item in content] if isinstance(content, tuple) else [content]):
        if not isinstance(each, dict):
            raise _NotReadableError(_start_line(event), "merges (<<) a value that is not a mapping")
        members |= each
    return members
