"""Read the text of an expression as far as gfd has to know it: its words, and how it uses the device."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_WORD = re.compile(
    r"""
    (?P<comment> //[^\n]*)
    | (?P<literal>
        (?: [rR][bB]? | [bB][rR] ) (?: \"{3} .*? \"{3} | '{3} .*? '{3} | "[^"]*" | '[^']*' )
        | [bB]? \"{3} (?: \\. | [^\\] )*? \"{3}
        | [bB]? '{3} (?: \\. | [^\\] )*? '{3}
        | [bB]? (?: "(?:\\.|[^"\\])*" | '(?:\\.|[^'\\])*' )
      )
    | (?P<number> [0-9][0-9A-Za-z.]*)
    | (?P<name> [A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign> ==|!=|\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_PLAIN = re.compile(r"""[rR]?(['"])(?!\1)([^\\]+)\1""")
_OPENING, _CLOSING = "[({", "])}"
MAPS = ("attributes", "capacity")
"""The fields of a device that are maps, by domain."""
COMPARABLE = "comparable"
"""The name of the function that :func:`.references.find_comparison_edits` adds to expressions."""
Edit = tuple[int, str]
"""An offset in a text, and what is added there."""


class Word(NamedTuple):
    """A part of an expression that has no parts itself."""

    kind: str
    """``literal`` (a text), ``number``, ``name`` or ``sign``."""
    text: str
    start: int
    end: int


def split(text: str) -> list[Word]:
    """Return the words of an expression, without comments."""
    found = _WORD.finditer(text)
    return [
        Word(each.lastgroup or "", each[0], each.start(), each.end())
        for each in found
        if each.lastgroup != "comment"
    ]


def read_literal(word: str) -> str:
    """Return the text of a literal in simple quotes and without escapes; empty for other words."""
    match = _PLAIN.fullmatch(word)
    return match[2] if match else ""


def expand_variables(words: Sequence[Word]) -> list[Word]:
    """Return the words with the domain of the device in place of each variable that ``cel.bind`` gives it."""
    texts = [each.text for each in words]
    bound: dict[str, Sequence[Word]] = {}
    for index in find_maps(texts):
        # bind ( name , device . attributes [ 'domain' ] ,
        start = texts[max(0, index - 6) : index - 2]
        if len(start) == 4 and start[0] == "bind" and texts[index + 4 : index + 5] == [","]:
            bound[start[2]] = words[index - 2 : index + 4]
    found: list[Word] = []
    for index, word in enumerate(words):
        is_variable = (
            word.text in bound and texts[index - 1] != "." and texts[index - 2 : index - 1] != ["bind"]
        )
        found += bound[word.text] if is_variable else [word]
    return found


def find_domain_edits(text: str) -> Iterator[Edit]:
    """Yield what makes a domain that the device lacks an empty map, as in Kubernetes.

    ``device.attributes['d']`` becomes ``device.attributes[?'d'].orValue({})``.
    """
    words = split(text)
    for index in find_maps([each.text for each in words]):
        if [each.text for each in words[index + 1 : index + 2]] == ["["]:
            yield words[index + 1].end, "?"
            yield words[find_closing(words, index + 1)].end, ".orValue({})"


def edit(text: str, edits: Iterable[Edit]) -> str:
    """Return a text with additions."""
    for position, added in sorted(edits, reverse=True):
        text = text[:position] + added + text[position:]
    return text


def find_maps(words: Sequence[str]) -> Iterator[int]:
    """Yield the index of the last word of each ``device.attributes`` and ``device.capacity``."""
    for index in range(2, len(words)):
        if words[index] in MAPS and words[index - 2 : index] == ["device", "."]:
            yield index


def find_closing(words: Sequence[Word], opening: int) -> int:
    """Return the index of the bracket that closes the one at ``opening``; -1 if that is none."""
    depth = 0
    for index in range(opening, len(words)):
        depth += (words[index].text in _OPENING) - (words[index].text in _CLOSING)
        if not depth:
            return index if index > opening else -1
    return -1


def locate(offset: int, text: str) -> tuple[int, int]:
    """Return line and column of a character, from 1."""
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
