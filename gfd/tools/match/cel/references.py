"""Find the attributes and capacities that an expression names."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, NamedTuple

from gfd.tools.match.cel.errors import EvaluationError
from gfd.tools.match.cel.text import COMPARABLE, MAPS, expand_variables, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.tools.match.cel.text import Edit

_LITERAL = re.compile(r"""[rR]?(['"])(?!\1\1).*\1""", re.DOTALL)
_IDENTIFIER = re.compile("[A-Za-z_][A-Za-z0-9_]*")


class Reference(NamedTuple):
    """An attribute or a capacity as an expression names it: ``device.attributes['gpu.nvidia.com'].type``."""

    kind: str
    """``attributes`` or ``capacity``."""
    domain: str
    name: str
    following: tuple[str, ...]
    """The next three words."""
    is_in_has: bool
    """Whether it is the argument of ``has``."""
    end: int
    """The offset of what is behind it."""

    @property
    def is_compared_with_literal(self) -> bool:
        """Whether ``==`` compares it with a text, a number or a truth value."""
        sign, operand = (*self.following, "", "")[:2]
        return sign == "==" and (
            operand in ("true", "false") or operand[:1].isdigit() or operand[-1:] in "'\""
        )

    @property
    def key(self) -> str:
        """Its name with its domain."""
        return f"{self.domain}/{self.name}"

    @property
    def text(self) -> str:
        """What the expression says."""
        domain = f"device.{self.kind}['{self.domain}']"
        return f"{domain}.{self.name}" if _IDENTIFIER.fullmatch(self.name) else f"{domain}['{self.name}']"

    @property
    def guard(self) -> str:
        """An expression that is true only if the device has it."""
        if _IDENTIFIER.fullmatch(self.name):
            return f"has({self.text})"
        return f"'{self.name}' in device.{self.kind}['{self.domain}']"


def find_missing(name: str, text: str, device: Device) -> EvaluationError:
    """Return the error for an attribute or capacity of this name that a device does not have."""
    for each in find_references(text):
        owned = device.attributes if each.kind == "attributes" else device.capacity
        if each.name == name and each.key not in owned:
            kind = "attribute" if each.kind == "attributes" else "capacity"
            reason = f"the device has no {kind} {each.text}"
            return EvaluationError(reason, missing=each.text, guard=each.guard)
    return EvaluationError(f"the device has no attribute or capacity {name}", missing=name)


def find_comparison_edits(text: str) -> Iterator[Edit]:
    """Yield what makes ``==`` between an attribute and a literal fail if the attribute is a version."""
    for each in find_references(text):
        if each.kind == "attributes" and each.is_compared_with_literal:
            yield each.end, f".{COMPARABLE}()"


def find_references(text: str) -> Iterator[Reference]:
    """Yield the attributes and capacities that an expression names."""
    words = expand_variables(split(text))
    texts = [each.text for each in words]
    for index in range(len(words) - 7):
        start, dot, kind, opening, domain, closing = texts[index : index + 6]
        if (start, dot, opening, closing) != ("device", ".", "[", "]") or kind not in MAPS:
            continue
        name, length = _read_name(texts[index + 6 : index + 9])
        if name and _LITERAL.fullmatch(domain):
            after = index + 6 + length
            following = tuple(texts[after : after + 3])
            is_in_has = texts[max(0, index - 2) : index] == ["has", "("] and following[:1] == (")",)
            end = words[after - 1].end
            yield Reference(kind, ast.literal_eval(domain), name, following, is_in_has, end)


def _read_name(words: Sequence[str]) -> tuple[str, int]:
    """Return the name in ``.name`` or ``['name']``, and how many words that takes; empty without one."""
    if words[:1] == ["."] and len(words) > 1 and _IDENTIFIER.fullmatch(words[1]):
        return words[1], 2
    if words[:1] == ["["] and words[2:3] == ["]"] and _LITERAL.fullmatch(words[1]):
        return ast.literal_eval(words[1]), 3
    return "", 0
