"""Find expressions that the API server refuses, or may refuse, because they could cost too much.

See :mod:`.sizes` for the source of the rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.cel.errors import CompileError, NotSupported
from gfd.tools.match.cel.functions import name_function
from gfd.tools.match.cel.positions import locate
from gfd.tools.match.cel.sizes import KNOWN, UNKNOWN, UNSURE, Knowledge, Size, SizeReader
from gfd.tools.match.cel.syntax import Call, Comprehension, Constant, ListLiteral, MapLiteral, Part

if TYPE_CHECKING:
    from gfd.tools.match.cel.sizes import Scope
    from gfd.tools.match.cel.syntax import Syntax

_BY_ALL_ARGUMENTS = (
    "cidr", "contains", "containsCIDR", "containsIP", "find", "findAll", "indexOf", "ip", "ip.isCanonical",
    "isCIDR", "isIP", "isQuantity", "isSemver", "lastIndexOf", "lowerAscii", "matches", "quantity", "replace",
    "semver", "split", "string", "strings.quote", "substring", "trim", "upperAscii",
)  # fmt: skip
"""The functions whose cost depends on the size of all arguments."""
_BY_SECOND_ARGUMENT = ("endsWith", "startsWith")
_BY_ELEMENTS = ("indexOf", "isSorted", "lastIndexOf", "max", "min")
_COMPARISONS = ("_!=_", "_<=_", "_<_", "_==_", "_>=_", "_>_")
_KUBERNETES = ("kubernetes.", "net.")
_SCALARS = ("bool", "double", "int")
_LARGEST_MAP = 32
"""The most attributes of a device: ResourceSliceMaxAttributesAndCapacitiesPerDevice."""
_SAFE_COST = 100_000
"""A tenth of what Kubernetes allows (CELSelectorExpressionMaxCost), since gfd only estimates the cost."""


def check_complexity(syntax: Syntax, text: str) -> None:
    """Raise CompileError if the API server refuses the expression for its cost, NotSupported if it may."""
    _Checker(syntax, text).check(syntax.root, {"device": Size(is_device=True)})
    if _estimate(syntax.root) > _SAFE_COST:
        raise NotSupported("the API server may refuse the expression: it may exceed the limit on its cost")


class _Checker:
    def __init__(self, syntax: Syntax, text: str) -> None:
        self._syntax = syntax
        self._text = text
        self._sizes = SizeReader(syntax.types)

    def check(self, part: Part, scope: Scope) -> None:
        """Check a part and all its parts."""
        if isinstance(part, Comprehension):
            self._report(part, "a loop", self._sizes.read(part.range, scope).own)
            self.check(part.range, scope)
            self.check(part.start, scope)
            inner = self._sizes.enter(part, scope)
            for each in (part.condition, part.step, part.result):
                self.check(each, inner)
            return
        if isinstance(part, Call):
            self._check_call(part, scope)
        for child in part.children:
            self.check(child, scope)

    def _check_call(self, part: Call, scope: Scope) -> None:
        name, arguments = name_function(part)
        sizes = [self._sizes.read(each, scope) for each in arguments]
        if name == "type" or (name == "join" and not sizes[0].is_device):
            self._report(part, name, UNKNOWN)
        types = [self._syntax.types.get(each.id, "dyn") for each in arguments]
        self._report(part, name, _find_knowledge(name, sizes, types))

    def _report(self, part: Part, name: str, knowledge: Knowledge) -> None:
        if knowledge is KNOWN:
            return
        if knowledge is not UNKNOWN:
            raise NotSupported(f"the API server may refuse the expression: {name} may cost too much")
        reason = f"Kubernetes cannot tell how large the value is on which {name} works"
        advice = "use an attribute itself, guarded by has(), instead of orValue() or a part of it"
        place = locate(self._syntax.offsets.get(part.id, 0), self._text)
        raise CompileError(f"too complex, exceeds cost limit: {reason}; {advice}", *place)


def _find_knowledge(name: str, sizes: list[Size], types: list[str]) -> Knowledge:
    """Return whether Kubernetes knows the sizes on which the cost of a call depends."""
    if name in _COMPARISONS:
        return _compare(sizes, types)
    if name == "_+_":
        return KNOWN if any(each in _SCALARS for each in types) else max(each.own for each in sizes)
    if name == "@in":
        return KNOWN if types[1].startswith("map(") else sizes[1].own
    found: list[Knowledge] = [KNOWN]
    if name in _BY_ELEMENTS and types[0].startswith("list("):
        are_scalars = types[0].removeprefix("list(").removesuffix(")") in _SCALARS
        found.append(KNOWN if are_scalars else max(UNSURE, sizes[0].elements))
    if name in _BY_ALL_ARGUMENTS:
        found += [
            size.own for size, each in zip(sizes, types, strict=True) if not each.startswith(_KUBERNETES)
        ]
    if name in _BY_SECOND_ARGUMENT:
        found.append(sizes[1].own)
    return max(found)


def _compare(sizes: list[Size], types: list[str]) -> Knowledge:
    """Return whether Kubernetes knows the size of one of two values: the smaller one counts."""
    are_kubernetes = [each.startswith(_KUBERNETES) for each in types]
    if all(are_kubernetes):
        return KNOWN
    return min(UNKNOWN if is_own else size.own for size, is_own in zip(sizes, are_kubernetes, strict=True))


def _estimate(part: Part) -> int:
    """Return about how much a part costs at most, in CEL's units."""
    if isinstance(part, Comprehension):
        once = _estimate(part.range) + _estimate(part.start) + _estimate(part.result)
        return once + _count(part.range) * (_estimate(part.condition) + _estimate(part.step))
    own = len(part.value) // 10 if isinstance(part, Constant) and isinstance(part.value, str) else 0
    return 1 + own + sum(map(_estimate, part.children))


def _count(container: Part) -> int:
    """Return how often a loop runs at most."""
    if isinstance(container, ListLiteral):
        return len(container.elements)
    if isinstance(container, MapLiteral):
        return len(container.entries)
    if isinstance(container, Call) and container.function == "range":
        limit = container.arguments[0]
        return int(limit.value) if isinstance(limit, Constant) else _LARGEST_MAP
    if isinstance(container, Call) and container.function in ("split", "findAll"):
        return 2 * _LARGEST_MAP
    return _LARGEST_MAP
