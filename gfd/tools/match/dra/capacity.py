"""Compute how much of the capacity of a device a request takes (``DRAConsumableCapacity``).

The rules are those of ``consumable_capacity.go`` in Kubernetes' ``k8s.io/dynamic-resource-allocation``.
"""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from gfd.clusterview.dra.model import CapacityPolicy, Device

_MAX_THOUSANDTHS = 2**63 - 1
"""Kubernetes computes steps with signed numbers of 64 bits."""


class CapacityError(Exception):
    """The scheduler cannot compute an amount, and gives up on the pod."""


def compute_consumption(requested: Mapping[str, Fraction], device: Device) -> Mapping[str, Fraction] | None:
    """Return what a request takes of each capacity of a device; None if the device cannot give that.

    ``requested`` has the names as in the request. Raises CapacityError.
    """
    names = {_find_name(name, device): value for name, value in requested.items()}
    if "" in names:
        return None
    consumed = {
        name: _round(name, names.get(name), total, device.policies.get(name))
        for name, total in device.capacity.items()
    }
    is_possible = all(
        _is_allowed(value, device.policies.get(name)) and value <= device.capacity[name]
        for name, value in consumed.items()
    )
    return consumed if is_possible else None


def _find_name(name: str, device: Device) -> str:
    """Return the name of a capacity with its domain; empty if the device has none that is named like this."""
    full = name if "/" in name else f"{device.id.driver}/{name}"
    is_known = full in device.capacity and ("/" in name) == (full in device.full_names)
    return full if is_known else ""


def _round(name: str, requested: Fraction | None, total: Fraction, policy: CapacityPolicy | None) -> Fraction:
    """Return the amount that the scheduler takes for a requested one."""
    if requested is None:
        return total if policy is None or policy.default is None else policy.default
    if policy is None:
        return requested
    if policy.minimum is not None:
        return _round_up(name, requested, policy.minimum, policy.step)
    return next((value for value in policy.values if requested <= value), requested)


def _round_up(name: str, requested: Fraction, minimum: Fraction, step: Fraction | None) -> Fraction:
    if requested < minimum:
        return minimum
    if step is None:
        return requested
    if (requested * 1000).denominator != 1:
        raise CapacityError(f"the requested {name} is not a whole number of thousandths")
    rounded = minimum + ceil((requested - minimum) / step) * step
    if rounded * 1000 > _MAX_THOUSANDTHS:
        raise CapacityError(f"the requested {name} is too large a number")
    return rounded


def _is_allowed(value: Fraction, policy: CapacityPolicy | None) -> bool:
    if policy is None or value == policy.default:
        return True
    if policy.minimum is not None or policy.maximum is not None or policy.step is not None:
        if policy.maximum is not None and value > policy.maximum:
            return False
        return policy.step is None or (value - (policy.minimum or 0)) % policy.step == 0
    return not policy.values or value in policy.values
