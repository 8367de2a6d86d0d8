"""The two environments of the runtime: one checks expressions, the other evaluates them.

The first has the types of Kubernetes (``k8s.io/dynamic-resource-allocation/cel/compile.go``), so that it
refuses what the API server refuses. The second knows quantities and versions as maps.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from gfd.tools.match.cel.library import load_cel, make_environment
from gfd.tools.match.cel.text import COMPARABLE
from gfd.tools.match.cel.values import FUNCTIONS, OPAQUE, QUANTITY, VERSION, convert

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from gfd.clusterview.dra.model import AttributeValue, Device


@cache
def make_checker() -> Any:
    """Return the environment that checks the types. Raises CelMissing."""
    return make_environment(variables=_declare_device("any", QUANTITY), functions=_declare_functions({}))


@cache
def make_evaluator() -> Any:
    """Return the environment that evaluates. Raises CelMissing."""
    return make_environment(
        variables=_declare_device("dyn", "dyn"),
        functions=[*_declare_functions({QUANTITY: OPAQUE, VERSION: OPAQUE}), _declare_comparable()],
    )


def describe_device(device: Device) -> dict[str, Any]:
    """Return the variables of an expression. Raises ValueError for a version that is none."""
    return {
        "device.driver": device.id.driver,
        "device.allowMultipleAllocations": device.is_shareable,
        "device.attributes": _group(device.attributes, device.id.driver),
        "device.capacity": _group(device.capacity, device.id.driver),
    }


def _group(values: Mapping[str, AttributeValue | Fraction], driver: str) -> dict[str, dict[str, Any]]:
    """Return values by domain and name."""
    found: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        domain, _, short = name.rpartition("/")
        converted = [convert(each) for each in value] if isinstance(value, tuple) else convert(value)
        found.setdefault(domain or driver, {})[short] = converted
    return found


def _declare_device(attribute: str, capacity: str) -> dict[str, Any]:
    kinds = {
        "driver": "string",
        "allowMultipleAllocations": "bool",
        "attributes": f"map<string,map<string,{attribute}>>",
        "capacity": f"map<string,map<string,{capacity}>>",
    }
    return {f"device.{name}": load_cel().Type(kind) for name, kind in kinds.items()}


def _declare_functions(replacements: Mapping[str, str]) -> list[Any]:
    """Return the declarations of Kubernetes' functions, with other types in place of some."""
    overloads: dict[str, dict[tuple[str, ...], Any]] = {}
    for each in FUNCTIONS:
        parameters, result = (
            tuple(replacements.get(kind, kind) for kind in kinds)
            for kinds in (each.parameters, (each.result,))
        )
        overloads.setdefault(each.name, {})[parameters] = _overload(
            f"{each.name}_{'_'.join(parameters)}",
            parameters,
            result[0],
            is_member=each.is_member,
            implementation=each.implementation,
        )
    return [load_cel().FunctionDecl(name, list(found.values())) for name, found in overloads.items()]


def _declare_comparable() -> Any:
    """Return the function that fails for a version: in Kubernetes, it has no == for other types."""
    kinds = {kind: lambda value: value for kind in ("string", "int", "double", "bool", "list<dyn>")}
    overloads = [
        _overload(f"{COMPARABLE}_{kind}", (kind,), kind, is_member=True, implementation=function)
        for kind, function in (kinds | {OPAQUE: _refuse}).items()
    ]
    return load_cel().FunctionDecl(COMPARABLE, overloads)


def _refuse(value: Any) -> Any:
    raise ValueError(f"== compares a version with a string; compare it with semver('{value[VERSION]}')")


def _overload(
    name: str, parameters: tuple[str, ...], result: str, *, is_member: bool, implementation: Any = None
) -> Any:
    cel = load_cel()
    return cel.Overload(name, cel.Type(result), list(map(cel.Type, parameters)), is_member, implementation)
