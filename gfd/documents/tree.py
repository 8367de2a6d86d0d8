"""YAML or JSON text to plain values that know their lines, in the dialect of Go's yaml.v2.

The device plugin reads its config file with yaml.v2 and then as JSON. Where PyYAML and that pair differ,
this module follows the pair: ``y`` and ``on`` are true, ``1e3`` is a number, ``010`` is eight, ``1:30``
and ``2020-01-01`` are strings, tabs may stand between tokens, the later of two equal keys wins, and whole
floats are whole numbers. kubectl reads its files the same way. Import this module late: it imports PyYAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A value and the line it stands on; in a mapping that is the line of its key."""

    line: int
    value: Value


Value = None | bool | int | float | str | tuple[Node, ...] | dict[str, Node]


class TreeError(ValueError):
    """Text that is no YAML, or YAML that JSON has no form for."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line


_WORDS: dict[str, Value] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
}
_INTEGER = re.compile(r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|([1-9][0-9]{0,19}|0))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BASES = (16, 2, 8, 10)

MAX_MERGED_KEYS = 100_000
"""What ``<<`` may copy in one document."""

_YAML = "tag:yaml.org,2002:"
_STRING = _YAML + "str"
_MERGE = _YAML + "merge"
_IMPLICIT = ""
"""In place of a tag: the scalar is plain, its text says what it is."""


class _Loader(yaml.SafeLoader):
    def scan_to_next_token(self) -> None:
        """Skip tabs too, wherever no indentation can be meant."""
        super().scan_to_next_token()
        while self.peek() == "\t" and (self.flow_level or not self.allow_simple_key):
            self.forward()
            super().scan_to_next_token()

    def resolve(self, kind: type, value: object, implicit: object) -> str:
        """Tell plain scalars from quoted ones; what a plain one is, is decided below."""
        return _IMPLICIT if isinstance(implicit, tuple) and implicit[0] else _STRING


def read_tree(data: bytes) -> Node:
    """Return the first document of ``data``; null where there is none. Raises TreeError."""
    return next(read_trees(data), Node(line=1, value=None))


def compose(data: bytes) -> Any:
    """Return the first document of ``data`` as PyYAML sees it; :func:`read_tree` has read it before."""
    loader = _Loader(data)
    loader.check_node()  # passes over what begins the stream
    return loader.get_node()


def read_trees(data: bytes) -> Iterator[Node]:
    """Yield the documents of ``data``, each when it is asked for. Raises TreeError."""
    try:
        loader = _Loader(data)
        while loader.check_node() and (document := loader.get_node()):
            yield _Conversion().node(document)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise TreeError(line, f"is not YAML: {error.problem}") from error
    except yaml.reader.ReaderError as error:
        reason = f"is not YAML: unacceptable character #x{error.character:04x}: {error.reason}"
        raise TreeError(_line_of(data, error), reason) from error
    except yaml.YAMLError as error:
        raise TreeError(1, f"is not YAML: {str(error).splitlines()[0]}") from error
    except RecursionError:
        raise TreeError(1, "is nested too deeply") from None


def _line_of(data: bytes, error: yaml.reader.ReaderError) -> int:
    """Return the line of a character that YAML does not allow, or of a byte that is no text."""
    if error.encoding == "unicode":  # then the position counts characters
        return data.decode(errors="replace").count("\n", 0, error.position) + 1
    return data.count(b"\n", 0, error.position) + 1


class _Conversion:
    """Turns composed YAML into Nodes, each anchor once, however often it is used."""

    def __init__(self) -> None:
        self._merged_keys = 0
        self._done: dict[yaml.Node, Value] = {}
        self._open: set[yaml.Node] = set()

    def node(self, source: yaml.Node, key: yaml.Node | None = None) -> Node:
        return Node(line=_line(key or source), value=self._value(source))

    def _value(self, source: yaml.Node) -> Value:
        if source in self._open:
            raise TreeError(_line(source), "has an anchor that contains itself")
        if source not in self._done:
            self._open.add(source)
            self._done[source] = self._converted(source)
            self._open.remove(source)
        return self._done[source]

    def _converted(self, source: yaml.Node) -> Value:
        if isinstance(source, yaml.MappingNode):
            return self._mapping(source)
        if isinstance(source, yaml.SequenceNode):
            return tuple(self.node(item) for item in source.value)
        return _scalar(source)

    def _mapping(self, source: yaml.Node) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for key, value in source.value:
            if isinstance(key, yaml.ScalarNode) and key.value == "<<" and key.tag in {_IMPLICIT, _MERGE}:
                members |= self._merged(value)
            else:
                members[_key(key)] = self.node(value, key)
        return members

    def _merged(self, source: yaml.Node) -> dict[str, Node]:
        """Return what ``<<`` brings in; of several mappings the first wins."""
        members: dict[str, Node] = {}
        for part in reversed(source.value if isinstance(source, yaml.SequenceNode) else [source]):
            if not isinstance(part, yaml.MappingNode):
                raise TreeError(_line(part), "merges (<<) what is not a mapping")
            value = self._value(part)
            assert isinstance(value, dict)  # a mapping becomes nothing else
            members |= value
            # Each mapping may hold all of the one before, and a megabyte has room for thousands of them.
            self._merged_keys += len(value)
            if self._merged_keys > MAX_MERGED_KEYS:
                raise TreeError(_line(part), "merges (<<) copy too many keys")
        return members


def _line(source: yaml.Node) -> int:
    return int(source.start_mark.line) + 1


def _key(source: yaml.Node) -> str:
    value = _scalar(source) if isinstance(source, yaml.ScalarNode) else None
    if value is None:
        raise TreeError(_line(source), "has a key that is not a string")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _scalar(source: yaml.Node) -> Value:
    text, tag = source.value, source.tag
    if tag == _YAML + "binary":
        from base64 import b64decode

        try:
            return b64decode(text, validate=True).decode()
        except ValueError:
            raise TreeError(_line(source), "has a !!binary value that is not base64") from None
    value = _plain(text) if tag == _IMPLICIT or tag in _TAGGED else text
    if tag in _TAGGED and type(value) not in _TAGGED[tag]:
        raise TreeError(_line(source), f"has a value that is not what its tag says: {text!r}")
    if isinstance(value, float):
        if not isfinite(value):
            raise TreeError(_line(source), f"has a number that JSON has no form for: {text}")
        if value.is_integer() and abs(value) < 1e21:  # from there on, Go writes an exponent
            return int(value)
    return value


_TAGGED: dict[str, tuple[type, ...]] = {
    _YAML + "bool": (bool,),
    _YAML + "int": (int,),
    _YAML + "float": (float, int),
    _YAML + "null": (type(None),),
}


def _plain(text: str) -> Value:
    """Return what an unquoted ``text`` means."""
    if text in _WORDS:
        return _WORDS[text]
    digits = text if text[0] == "." else text.replace("_", "") if text[0] in "+-0123456789" else ""
    if match := _INTEGER.fullmatch(digits):
        number = next(int(part, base) for part, base in zip(match.groups()[1:], _BASES, strict=True) if part)
        number = -number if match[1] == "-" else number
        if -(2**63) <= number < 2**64:
            return number
    if _FLOAT.fullmatch(digits) and isfinite(float(digits)):
        return float(digits)
    return text
