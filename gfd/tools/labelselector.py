"""Label selectors as ``kubectl get --selector`` takes them: ``zone in (a,b),nvidia.com/gpu.count>4,!spot``.

The grammar is that of ``k8s.io/apimachinery/pkg/labels``, and so is what is said of a text that is not in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.requirement import Requirement, whole
from gfd.tools.match import validation

if TYPE_CHECKING:
    from gfd.labels.syntax import Labels

_SYMBOLS = {
    **dict.fromkeys(("=", "==", "in"), "In"),
    **dict.fromkeys(("!=", "notin"), "NotIn"),
    ">": "Gt",
    "<": "Lt",
}
_WORDS = ("in", "notin")
_TOKEN = re.compile(r"[ \t\r\n]*(?:(==|=|!=|[!(),<>])|([^ \t\r\n=!(),<>]+)|\Z)")
_END = ""
_EXPECTED = "in, notin, =, ==, !=, gt, lt"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """All of its requirements hold, or it does not; without any it takes everything."""

    text: str
    requirements: tuple[Requirement, ...]

    def matches(self, labels: Labels) -> bool:
        """Return whether an object with these labels is taken."""
        return all(each.matches(labels) for each in self.requirements)


def parse(text: str) -> LabelSelector:
    """Return the selector that ``text`` is. Raises ValueError with what Kubernetes would say."""
    return LabelSelector(text=text, requirements=tuple(_Parser(text).requirements()))


class _Parser:
    """One token is looked at after the other; the empty one is the end."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = [symbol or word for symbol, word in _TOKEN.findall(text)]
        self._position = 0

    @property
    def _next(self) -> str:
        return self._tokens[self._position]

    def _take(self) -> str:
        self._position += 1
        return self._tokens[self._position - 1]

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while self._next != _END:
            if self._next != "!" and not _is_word(self._next):
                raise ValueError(f"found '{self._next}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except ValueError as error:
                raise ValueError(f"unable to parse requirement: {error}") from None
            after = self._take()
            if after == _END:
                break
            if after != ",":
                raise ValueError(f"found '{after}', expected: ',' or 'end of string'")
            if self._next != "!" and not _is_word(self._next):
                raise ValueError(f"found '{self._next}', expected: identifier after ','")
        return found

    def _requirement(self) -> Requirement:
        is_absent = self._next == "!"
        if is_absent:
            self._take()
        key = self._take()
        if not _is_word(key):
            raise ValueError(f"found '{key}', expected: identifier")
        _check(key, validation.of_label_key(key))
        if is_absent:
            return Requirement(key=key, operator="DoesNotExist")
        if self._next in {_END, ","}:
            return Requirement(key=key, operator="Exists")
        symbol = self._take()
        if symbol not in _SYMBOLS:
            raise ValueError(f"found '{symbol}', expected: {_EXPECTED}")
        values = self._values() if symbol in _WORDS else (self._value(),)
        for value in values:
            _check(value, validation.of_label_value(value))
        if symbol in {"<", ">"} and whole(values[0]) is None:
            _check(values[0], validation.NUMBER_RULE)
        return Requirement(key=key, operator=_SYMBOLS[symbol], values=values)

    def _value(self) -> str:
        if self._next in {_END, ","}:
            return ""
        value = self._take()
        if not _is_word(value):
            raise ValueError(f"found '{value}', expected: identifier")
        return value

    def _values(self) -> tuple[str, ...]:
        before = self._take()
        if before != "(":
            raise ValueError(f"found '{before}' expected: '('")
        if self._next not in {")", ","} and not _is_word(self._next):
            raise ValueError(f"found '{self._next}', expected: ',', ')' or identifier")
        values: set[str] = set()
        while True:
            value = ""
            if _is_word(self._next):
                value = self._take()
                if self._next not in {",", ")"}:
                    raise ValueError(f"found '{self._next}', expected: ',' or ')'")
            values.add(value)
            after = self._take()
            if after == ")":
                return tuple(sorted(values))
            if after != ",":
                raise ValueError(f"found '{after}', expected: ',', or identifier")


def _is_word(token: str) -> bool:
    return token != _END and token[0] not in "=!(),<>"


def _check(text: str, rule: str) -> None:
    if rule:
        raise ValueError(validation.invalid(text, rule))
