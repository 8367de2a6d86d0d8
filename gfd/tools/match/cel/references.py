"""Find the attributes and capacities that an expression names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gfd.tools.match.cel.errors import EvaluationError
from gfd.tools.match.cel.text import COMPARABLE, MAPS, expand_variables, find_closing, read_literal, split

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.tools.match.cel.text import Edit, Word

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
        name, after = _read_name(words, index + 6)
        if name and read_literal(domain):
            following = tuple(texts[after : after + 3])
            is_in_has = texts[max(0, index - 2) : index] == ["has", "("] and following[:1] == (")",)
            end = words[after - 1].end
            yield Reference(kind, read_literal(domain), name, following, is_in_has, end)


def _read_name(words: Sequence[Word], start: int) -> tuple[str, int]:
    """Return the name in ``.name``, ``['name']`` or ``.?name.orValue(…)``, and the index after it.

    The name is empty if there is none.
    """
    texts = [each.text for each in words[start : start + 6]]
    if texts[:1] == ["."] and len(texts) > 1 and _IDENTIFIER.fullmatch(texts[1]):
        return texts[1], start + 2
    if texts[:1] == ["["] and texts[2:3] == ["]"]:
        return read_literal(texts[1]), start + 3
    if texts[:2] == [".", "?"] and texts[3:] == [".", "orValue", "("]:
        return texts[2], find_closing(words, start + 5) + 1
    return "", start
