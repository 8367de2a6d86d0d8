"""Find what gfd cannot judge in an expression, since the runtime does not do it as Kubernetes does.

Whoever writes something unusual gets "not judged" instead of a wrong answer: the API server also refuses
expressions that could cost too much, and lists of different types.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

from gfd.clusterview.dra.model import Version
from gfd.tools.match.cel.errors import CompileError, NotSupported
from gfd.tools.match.cel.text import expand_variables, find_closing, find_maps, locate, read_literal, split

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.tools.match.cel.references import Reference
    from gfd.tools.match.cel.text import Word

_FIELDS = ("allowMultipleAllocations", "attributes", "capacity", "driver")
_METHODS = frozenset(("compareTo", "isGreaterThan", "isLessThan", "major", "minor", "patch"))
_LOOPS = frozenset(("all", "exists", "exists_one"))
_JUDGED = _METHODS | _LOOPS | {
    "has", "bind", "orValue",
    "quantity", "add", "sub", "semver",
    "size", "contains", "startsWith", "endsWith", "matches", "lowerAscii", "upperAscii", "replace",
    "split", "substring", "trim",
}  # fmt: skip
"""The functions and macros that give the same as in Kubernetes."""
_EQUALITY = ("==", "!=")
_MAX_GROWTH = 10_000
"""How much longer an expression may make a text; the API server estimates what that costs."""


def check_fields(text: str) -> None:
    """Raise CompileError for a field that devices do not have, NotSupported for the device as a whole."""
    words = split(text)
    for index, word in enumerate(words):
        before = _texts(words[max(0, index - 2) : index])
        if word.text != "device" or before[-1:] == ["."]:
            continue
        after = _texts(words[index + 1 : index + 3])
        if after[:1] != ["."]:
            raise NotSupported("an expression that passes on the variable device is not judged")
        if after[1] not in _FIELDS:
            known = ", ".join(_FIELDS)
            message = f"undefined field '{after[1]}': a device has {known}"
            raise CompileError(message, *locate(words[index + 1].start, text))
        if before == ["has", "("] and _texts(words[index + 3 : index + 4]) == [")"]:
            raise NotSupported(f"has(device.{after[1]}) is not judged; a device always has this field")


def check_functions(text: str) -> None:
    """Raise NotSupported if the expression calls a function that gfd does not have."""
    for what in _find_functions(split(text)):
        raise NotSupported(f"{what} is not judged")


def check_lists(text: str) -> None:
    """Raise CompileError for a list of literals of different types."""
    words = split(text)
    for index in range(len(words)):
        if _is_list(words, index):
            elements = words[index + 1 : find_closing(words, index) : 2]
            names = list(map(_name_type, elements))
            for word, name in zip(elements, names, strict=True):
                if all(names) and name != names[0]:
                    message = f"expected type '{names[0]}' but found '{name}'"
                    raise CompileError(message, *locate(word.start, text))


def check_support(text: str) -> None:
    """Raise NotSupported if the expression uses what gfd cannot judge."""
    words = split(text)
    for what in (
        *_find_maps(expand_variables(words)),
        *_find_loops(words),
        *_find_literals(words),
        *_find_optionals(words),
        *_find_parts(words),
        *_find_inequalities(expand_variables(words)),
        *_find_growth(words),
    ):
        raise NotSupported(f"{what} is not judged")


def check_device(references: Iterable[Reference], device: Device) -> None:
    """Raise NotSupported if a version of the device is used in another way than by its methods and ==."""
    for each in references:
        if each.kind != "attributes" or not isinstance(device.attributes.get(each.key), Version):
            continue
        sign, operand = (*each.following, "", "")[:2]
        is_judged = (
            each.is_in_has
            or each.is_compared_with_literal
            or sign == "."
            or (sign == "!=" and operand != "(")
            or (sign == "==" and operand in ("semver", "null"))
        )
        if not is_judged:
            raise NotSupported(f"{each.text} is a version: other uses than its methods are not judged")


def _texts(words: Sequence[Word]) -> list[str]:
    return [each.text for each in words]


def _find_loops(words: Sequence[Word]) -> Iterator[str]:
    """Yield loops over something else than a list in the expression itself."""
    for index, word in enumerate(words):
        if word.text in _LOOPS and _texts(words[index + 1 : index + 2]) == ["("]:
            opening = next(
                (start for start in range(index) if find_closing(words, start) == index - 2),
                None,
            )
            if opening is None or not _is_list(words, opening):
                yield f"the loop {word.text}() over something else than a list of literals"


def _find_functions(words: Sequence[Word]) -> Iterator[str]:
    for word, following in itertools.pairwise(words):
        if word.kind == "name" and following.text == "(" and word.text not in (*_JUDGED, "in"):
            yield f"the function {word.text}()"
    for index, word in enumerate(words[:-1]):
        if word.text == "replace" and words[index + 1].text == "(":
            arguments = words[index + 2 : find_closing(words, index + 1) : 2]
            if any(each.kind != "literal" for each in arguments):
                yield "replace() with arguments that are not literals"


def _find_maps(words: Sequence[Word]) -> Iterator[str]:
    """Yield uses of device.attributes and device.capacity other than lookups of literals, and ``in``."""
    texts = _texts(words)
    for index in find_maps(texts):
        before, after = texts[index - 3 : index - 2], texts[index + 1 : index + 3]
        is_searched = before == ["in"] and after[:1] not in (["."], ["["])
        if not is_searched and (after[:1] != ["["] or after[1:] == ["?"]):
            yield "".join(texts[index - 2 : index + 3])
        elif after[:1] == ["["]:
            rest = words[find_closing(words, index + 1) + 1 :]
            if texts[index - 3] in ("(", ",") and _texts(rest[:1]) == [")"] and texts[index - 4] != "size":
                yield "a domain of attributes or capacities in parentheses"
            is_quoted = _texts(rest[:1]) == ["["]
            if not read_literal(words[index + 2].text):
                yield "a domain of attributes or capacities that is no simple literal"
            if is_quoted and not read_literal(rest[1].text):
                yield "a name of an attribute or a capacity that is no simple literal"
            method = _texts(rest[3:6] if is_quoted else rest[2:5])
            if (
                _texts(rest[:1]) in (["."], ["["])
                and method[:1] == ["."]
                and method[1:2] != ["?"]
                and method[2:] != ["("]
            ):
                yield f"the field {method[1]} of an attribute or a capacity"


def _find_literals(words: Sequence[Word]) -> Iterator[str]:
    """Yield maps, lists whose elements are not literals of one type, and literals of rare types."""
    for index, word in enumerate(words):
        if word.text == "{":
            yield "a map in the expression"
        elif word.kind == "number" and word.text[-1] in "uU":
            yield f"the unsigned number {word.text}"
        elif word.kind == "literal" and word.text[0] in "bB":
            yield f"the bytes {word.text}"
        elif _is_list(words, index):
            elements = words[index + 1 : find_closing(words, index)]
            if not elements:
                yield "an empty list"  # Kubernetes does not evaluate what is searched in it.
            if not all(map(_name_type, elements[::2])):
                yield "a list of something else than literals"


def _is_list(words: Sequence[Word], index: int) -> bool:
    """Return whether a word is the bracket that begins a list, and not a lookup."""
    if words[index].text != "[":
        return False
    before = words[index - 1] if index else None
    return before is None or before.text == "in" or (before.kind != "name" and before.text not in (")", "]"))


def _name_type(word: Word) -> str:
    """Return the type of a literal; empty for another word."""
    if word.kind == "number":
        is_hexadecimal = word.text[:2].lower() == "0x"
        return "double" if not is_hexadecimal and set(word.text) & set(".eE") else "int"
    return "string" if word.kind == "literal" else ""


def _find_optionals(words: Sequence[Word]) -> Iterator[str]:
    """Yield all uses of ``?`` except ``.?name.orValue(literal)`` that is compared with a literal.

    The API server estimates the cost of everything else as too high, or it is an operator ``? :``.
    """
    for index, word in enumerate(words):
        if word.text != "?":
            continue
        if _texts(words[index + 2 : index + 5]) != [".", "orValue", "("]:
            yield "the operator ? outside of .?name.orValue(…)"
            continue
        closing = find_closing(words, index + 4)
        argument, after = words[index + 5 : closing], words[closing + 1 : closing + 3]
        is_flag = _texts(argument) in (["true"], ["false"])
        is_literal = len(argument) == 1 and argument[0].kind in ("literal", "number")
        is_compared = (
            len(after) == 2 and after[0].text in _EQUALITY and after[1].kind in ("literal", "number")
        )
        is_ordered = len(after) == 2 and after[0].text == "." and after[1].text in _METHODS
        if not (is_flag or is_ordered or (is_literal and is_compared)):
            yield "orValue(…) without a comparison with a literal (write has(…) && … instead)"


def _find_parts(words: Sequence[Word]) -> Iterator[str]:
    """Yield all uses of ``split`` except a part that is compared with a literal.

    The API server estimates the cost of all others as too high.
    """
    for index, word in enumerate(words[:-1]):
        if word.text == "split" and words[index + 1].text == "(":
            after = words[find_closing(words, index + 1) + 1 :][:5]
            kinds = [each.kind for each in after]
            is_part = _texts(after[:1]) == ["["] and kinds[1:2] == ["number"] and _texts(after[2:3]) == ["]"]
            if not (is_part and after[3:4] and after[3].text in _EQUALITY and kinds[4:] == ["literal"]):
                yield "split(…) without a comparison of one of its parts with a literal"


def _find_inequalities(words: Sequence[Word]) -> Iterator[str]:
    """Yield ``!=`` between quantities or versions: the API server estimates its cost as too high.

    It knows an attribute only when it evaluates, and allows ``!=`` there.
    """
    texts = _texts(words)
    capacity = ["device", ".", "capacity"]
    for index, text in enumerate(texts):
        if text != "!=":
            continue
        # .name has two words, ['name'] has three.
        is_capacity = capacity in (
            texts[index + 1 : index + 4],
            *(texts[max(0, index - length) : max(0, index - length) + 3] for length in (8, 9)),
        )
        following = texts[index + 1 : index + 2]
        if is_capacity or following == ["quantity"]:
            yield "!= with a quantity (write compareTo(…) != 0 instead)"
        elif following == ["semver"] and texts[index - 1] == ")":
            yield "!= between versions (write compareTo(…) != 0 instead)"


def _find_growth(words: Sequence[Word]) -> Iterator[str]:
    """Yield texts that could become so long that the evaluation takes minutes, or all memory."""
    growth = 1
    for index, word in enumerate(words[:-5]):
        if word.text == "bind":
            growth *= 2  # x + x
        elif word.text == "replace":
            # Each literal has two quotes.
            old, new = (len(words[index + place].text) - 2 for place in (2, 4))
            growth *= max(1, math.ceil(new / old)) if old > 0 else max(1, new + 1)
    if growth > _MAX_GROWTH:
        yield f"a text that can become {growth} times as long"
