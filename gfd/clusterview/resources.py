"""Count the resources of nodes and pods.

A count is a whole number, by the resource's name: ``{"nvidia.com/gpu": 8}``. :func:`read_counts` reads only
the resources of NVIDIA, for the tools that show GPUs; :func:`read_amounts` reads all, for ``gfd match``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.kube.quantities import parse_count, parse_thousandths
from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Mapping

CPU, MEMORY, EPHEMERAL_STORAGE, PODS = "cpu", "memory", "ephemeral-storage", "pods"
HUGE_PAGES = "hugepages-"
"""The beginning of the names of resources of huge pages."""


def read_counts(amounts: Mapping[str, Any]) -> dict[str, int]:
    """Return the counts in a mapping of Kubernetes, such as ``status.allocatable``.

    Raises ValueError for an amount that is not a count; the text completes "the object …".
    """
    counts = {}
    for name, amount in amounts.items():
        if name.startswith(VENDOR):
            try:
                counts[name] = parse_count(str(amount) if isinstance(amount, str | int | float) else "")
            except ValueError as error:
                raise ValueError(f"has an amount of {name} that {error}") from None
    return counts


def read_thousandths(amounts: Mapping[str, Any]) -> dict[str, int]:
    """Return the amounts of all resources in a mapping of Kubernetes, in thousandths, rounded up.

    Raises ValueError for an amount that is not a quantity; the text completes "the object …".
    """
    found = {}
    for name, amount in amounts.items():
        try:
            found[name] = parse_thousandths(str(amount) if isinstance(amount, str | int | float) else "")
        except ValueError as error:
            raise ValueError(f"has an amount of {name} that {error}") from None
    return found


def round_up(thousandths: Mapping[str, int]) -> dict[str, int]:
    """Return amounts as kube-scheduler counts them: thousandths of ``cpu``, whole units of all others."""
    return {name: count if name == CPU else -(-count // 1000) for name, count in thousandths.items()}


def read_amounts(amounts: Mapping[str, Any]) -> dict[str, int]:
    """Return the amounts of all resources in a mapping of Kubernetes, as :func:`round_up` returns them."""
    return round_up(read_thousandths(amounts))


def add(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the sum of two counts, resource by resource."""
    if not one or not other:
        return {**one, **other}  # the usual case; most pods request nothing that is counted
    return {name: one.get(name, 0) + other.get(name, 0) for name in {**one, **other}}


def subtract(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the difference of two counts, resource by resource."""
    return {name: one.get(name, 0) - other.get(name, 0) for name in {**one, **other}}


def maximum(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    """Return the larger of two counts, resource by resource."""
    if not one and not other:
        return {}
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
