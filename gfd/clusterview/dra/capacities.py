"""Read the quantities of ResourceSlices and ResourceClaims: capacities, their policies, and counters."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.model import CapacityPolicy
from gfd.clusterview.fields import read_field
from gfd.kube.quantities import parse

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

_parse = lru_cache(maxsize=10_000)(parse)
"""The cache helps because thousands of devices have equal capacities."""


@lru_cache(maxsize=10_000)
def qualify(name: str, driver: str) -> str:
    """Return the name of an attribute or a capacity with its domain."""
    return name if "/" in name else f"{driver}/{name}"


def read_capacity(values: Mapping[str, Any], driver: str, device: str) -> dict[str, Fraction]:
    """Return the capacity of a device, by the name with its domain. Raises ValueError."""
    return {
        qualify(key, driver): _read_value(value, f"capacity {key} of the device {device}")
        for key, value in values.items()
    }


def read_policies(values: Mapping[str, Any], driver: str) -> dict[str, CapacityPolicy]:
    """Return the policies of capacities that have one, by the name with its domain. Raises ValueError."""
    return {
        qualify(key, driver): _read_policy(policy, f"requestPolicy of the capacity {key}")
        for key, value in values.items()
        if (policy := read_field(value, "requestPolicy", dict))
    }


def read_consumed(item: Mapping[str, Any], driver: str) -> dict[str, Fraction]:
    """Return what an allocation takes of a shared device, by the name with its domain. Raises ValueError."""
    return {
        qualify(key, driver): parse_quantity(value, f"consumedCapacity {key}")
        for key, value in read_field(item, "consumedCapacity", dict).items()
    }


def read_counters(item: Any) -> dict[str, Fraction]:
    """Return the counters of a counter set, or those that a device takes from it. Raises ValueError."""
    return {
        name: _read_value(value, f"counter {name}")
        for name, value in read_field(item, "counters", dict).items()
    }


def parse_quantity(value: Any, what: str) -> Fraction:
    """Return the number for a quantity.

    Raises ValueError that names ``what``; the text completes "the ResourceSlice …".
    """
    try:
        return _parse(str(value) if isinstance(value, str | int | float) else "")
    except ValueError as error:
        raise ValueError(f"has a {what} that {error}") from None


def _read_value(item: Any, what: str) -> Fraction:
    return parse_quantity(item.get("value") if isinstance(item, dict) else None, what)


def _read_policy(item: Mapping[str, Any], what: str) -> CapacityPolicy:
    limits = read_field(item, "validRange", dict)

    def read(fields: Mapping[str, Any], name: str) -> Fraction | None:
        value = fields.get(name)
        return None if value is None else parse_quantity(value, f"{name} in the {what}")

    return CapacityPolicy(
        default=read(item, "default"),
        values=tuple(
            parse_quantity(each, f"value in the {what}") for each in read_field(item, "validValues", list)
        ),
        minimum=read(limits, "min"),
        maximum=read(limits, "max"),
        step=read(limits, "step"),
    )
