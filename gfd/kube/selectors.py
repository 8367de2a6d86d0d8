"""Parse label selectors as ``kubectl get --selector`` does: ``zone in (a,b),nvidia.com/gpu.count>4,!spot``.

The grammar is that of ``k8s.io/apimachinery/pkg/labels``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.kube.requirements import Requirement, parse_integer
from gfd.labels.syntax import explain_key, explain_value
from gfd.text import quote

if TYPE_CHECKING:
    from gfd.labels.syntax import Labels

_OPERATORS = {"=": "In", "==": "In", "in": "In", "!=": "NotIn", "notin": "NotIn", ">": "Gt", "<": "Lt"}
_BLANK_CHARACTERS = " \t\r\n"
_BLANKS, _WORD = rf"[{_BLANK_CHARACTERS}]*+", rf"[^{_BLANK_CHARACTERS}=!(),<>]++"
_LIST = rf"(?:(?:{_WORD})?{_BLANKS},{_BLANKS})*(?:{_WORD})?"
_REQUIREMENT = re.compile(
    rf"{_BLANKS}(?P<absent>!)?{_BLANKS}(?P<key>{_WORD}){_BLANKS}(?(absent)|(?:"
    rf"(?P<word>in|notin){_BLANKS}\({_BLANKS}(?P<values>{_LIST}){_BLANKS}\)"
    rf"|(?P<symbol>==|=|!=|>|<){_BLANKS}(?P<value>{_WORD})?)?)"
    rf"{_BLANKS}(?:\Z|,(?={_BLANKS}[^{_BLANK_CHARACTERS}]))"
)
_EXAMPLES = "zone=a, count>4, !spot or zone in (a,b)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSelector:
    """Requirements that labels must all meet; without any, all labels match."""

    text: str
    requirements: tuple[Requirement, ...]

    def matches(self, labels: Labels) -> bool:
        """Return whether ``labels`` meet all requirements."""
        return all(each.matches(labels) for each in self.requirements)


def parse(text: str) -> LabelSelector:
    """Return the selector that ``text`` describes. Raises ValueError."""
    requirements = []
    position = 0
    while text[position:].strip(_BLANK_CHARACTERS):
        match = _REQUIREMENT.match(text, position)
        if match is None:
            rest = quote(text[position:])
            raise ValueError(f"cannot read {rest}; write {_EXAMPLES}, with commas between them")
        requirements.append(_read_requirement(match))
        position = match.end()
    return LabelSelector(text=text, requirements=tuple(requirements))


def _read_requirement(match: re.Match[str]) -> Requirement:
    key = match["key"]
    if reason := explain_key(key):
        raise ValueError(f"{quote(key)} is not a label key: {reason}")
    operator = _OPERATORS.get(match["word"] or match["symbol"])
    if operator is None:
        return Requirement(key=key, operator="DoesNotExist" if match["absent"] else "Exists")
    if match["word"]:
        values = tuple(sorted({value.strip(_BLANK_CHARACTERS) for value in match["values"].split(",")}))
    else:
        values = (match["value"] or "",)
    for value in values:
        if reason := explain_value(value):
            raise ValueError(f"{quote(value)} is not a label value: {reason}")
        if operator in ("Gt", "Lt") and parse_integer(value) is None:
            raise ValueError(f"{quote(value)} is not a whole number; > and < compare whole numbers")
    return Requirement(key=key, operator=operator, values=values)
