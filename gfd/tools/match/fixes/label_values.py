"""Find edits that make a requirement on a label accept the value that a node has."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from gfd.clusterview.device_counts import GPU, is_product
from gfd.clusterview.hardware import is_named_by, measure_distance
from gfd.kube.requirements import parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.match.fixes.similarity import MAX_DISTANCE, distance, explain
from gfd.tools.match.fixes.steps import (
    FEWER,
    OTHER_HARDWARE,
    OTHER_LABEL,
    REMOVAL,
    SAME,
    Edit,
    replace_requirement,
)
from gfd.tools.match.judge.gpu_labels import find_products
from gfd.tools.memory_sizes import find_sold_mib, read_bound_gb, read_bound_mib

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gfd.kube.requirements import Requirement

COUNT = f"{GPU}.count"
_FAMILY, _COMPUTE = f"{GPU}.family", f"{GPU}.compute."
_ARCHITECTURE = "kubernetes.io/arch"
_MEMORY = ".memory"


class _Difference(NamedTuple):
    """What it means for the pod to accept a value of a label instead of the one that it asks for."""

    cost: float
    why: str = ""
    consequence: str = ""


def _accept_value(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the requirement with the node's value: in place of a single value, or added to several."""
    differences = [_compare(requirement.key, value, found) for value in requirement.values]
    difference = min(differences, key=lambda each: each.cost)
    values = (found,) if len(requirement.values) == 1 else (*requirement.values, found)
    changed = replace(requirement, values=values)
    yield replace_requirement(requirement, changed, *difference)


def _compare(key: str, wanted: str, found: str) -> _Difference:
    if find_products(key, wanted):
        return _compare_cloud_names(key, wanted, found)
    compare = next((each for (is_meant, each) in _COMPARISONS if is_meant(key)), _compare_letters)
    return compare(wanted, found)


def _compare_cloud_names(key: str, wanted: str, found: str) -> _Difference:
    pairs = [(one, other) for one in find_products(key, wanted) for other in find_products(key, found)]
    if not pairs:
        return _Difference(OTHER_HARDWARE + distance(wanted, found) / 2)
    one, other = min(pairs, key=lambda pair: measure_distance(*pair))
    if one == other:
        return _Difference(SAME, f"both mean {one}")
    return _Difference(OTHER_HARDWARE + measure_distance(one, other))


def _compare_products(wanted: str, found: str) -> _Difference:
    away, why = measure_distance(wanted, found), explain(wanted, found)
    if is_named_by(wanted, found):
        why = why or "the label has the whole name"
        return _Difference(SAME if away < SAME else OTHER_HARDWARE + away, why)
    return _Difference(OTHER_HARDWARE + away, why)


def _compare_families(wanted: str, found: str) -> _Difference:
    if wanted and found.startswith(wanted.lower()):
        return _Difference(SAME)
    return _Difference(OTHER_HARDWARE + distance(wanted, found), consequence=f"{found} instead of {wanted}")


def _compare_architectures(wanted: str, found: str) -> _Difference:
    return _Difference(
        OTHER_HARDWARE + distance(wanted, found), consequence=f"the image must be built for {found}"
    )


def _compare_machines(wanted: str, found: str) -> _Difference:
    return _Difference(OTHER_HARDWARE + distance(wanted, found) / 2, consequence="another machine")


def _compare_capabilities(wanted: str, found: str) -> _Difference:
    return _Difference(OTHER_HARDWARE, consequence=f"compute capability {found} instead of {wanted}")


def _compare_memory(wanted: str, found: str) -> _Difference:
    size_gb, number = read_bound_gb(wanted), parse_integer(found)
    least, most = find_sold_mib(size_gb or 0)
    if size_gb and number and least <= number <= most:
        return _Difference(SAME, f"NVML counts {found} MiB on a GPU with {size_gb} GB")
    return _Difference(
        OTHER_HARDWARE + distance(wanted, found) / 2, consequence=f"{found} MiB instead of {wanted}"
    )


def _compare_counts(wanted: str, found: str) -> _Difference:
    return _Difference(FEWER + distance(wanted, found) / 4)


def _compare_letters(wanted: str, found: str) -> _Difference:
    away = distance(wanted, found)
    is_misspelt = away <= MAX_DISTANCE and not wanted.isdecimal()
    return _Difference(SAME + away if is_misspelt else OTHER_LABEL + away / 10)


_COMPARISONS: tuple[tuple[Callable[[str], bool], Callable[[str, str], _Difference]], ...] = (
    (is_product, _compare_products),
    (lambda key: key.startswith(VENDOR) and key.endswith(_MEMORY), _compare_memory),
    (lambda key: key == _FAMILY, _compare_families),
    (lambda key: key == COUNT, _compare_counts),
    (lambda key: key == f"{GPU}.machine", _compare_machines),
    (lambda key: key.startswith(_COMPUTE), _compare_capabilities),
    (lambda key: key == _ARCHITECTURE, _compare_architectures),
)
"""How to compare the values of labels whose keys meet a condition; the values of all others by letters."""


def _drop_excluded_value(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield the requirement without the node's value."""
    if rest := tuple(value for value in requirement.values if value != found):
        is_hardware = requirement.key.startswith(VENDOR)
        yield replace_requirement(
            requirement,
            replace(requirement, values=rest),
            REMOVAL if is_hardware else OTHER_LABEL,
            consequence=f"{found}, which the pod excludes" if is_hardware else "",
        )


def _move_bound(requirement: Requirement, found: str) -> Iterator[Edit]:
    """Yield a bound that the node's value meets: the one that the user means, if it can be told."""
    number, bound = parse_integer(found), requirement.values[0]
    if number is None:
        return
    if requirement.key.endswith(_MEMORY) and requirement.key.startswith(VENDOR):
        yield from _move_memory_bound(requirement, number)
        return
    cost, consequence = OTHER_LABEL, ""
    if requirement.key == COUNT:
        cost = FEWER + distance(bound, found) / 4
    elif requirement.key.startswith(_COMPUTE):
        than = "more" if requirement.operator == "Gt" else "less"
        cost, consequence = OTHER_HARDWARE, f"compute capability {found} instead of {than} than {bound}"
    if edit := _move_to(requirement, number, cost, consequence):
        yield edit


def _move_to(requirement: Requirement, number: int, cost: float, consequence: str = "") -> Edit | None:
    """Return the requirement with the nearest bound that ``number`` meets."""
    step = number - 1 if requirement.operator == "Gt" else number + 1
    if step < 0:
        return None
    changed = replace(requirement, values=(str(step),))
    return replace_requirement(requirement, changed, cost, consequence=consequence)


def _move_memory_bound(requirement: Requirement, mib: int) -> Iterator[Edit]:
    bound = requirement.values[0]
    labels = {requirement.key: str(mib)}
    in_mib = read_bound_mib(bound)
    if in_mib is not None:
        moved = replace(requirement, values=(str(in_mib),))
        if moved.matches(labels):
            yield replace_requirement(requirement, moved, SAME, "gpu.memory is a whole number of MiB")
            return
    size_gb = read_bound_gb(bound)
    if size_gb and requirement.operator == "Gt":
        moved = replace(requirement, values=(str(_round_down(find_sold_mib(size_gb)[0])),))
        if moved.matches(labels):
            why = f"NVML counts less than {size_gb * 1024} MiB on a GPU with {size_gb} GB, here {mib}"
            yield replace_requirement(requirement, moved, SAME, why)
            return
    if size_gb is None and in_mib is None and parse_integer(bound) is None:
        if edit := _move_to(requirement, mib, OTHER_LABEL):
            yield edit
        return
    wanted = f"{size_gb} GB" if size_gb else f"{bound} MiB"
    consequence = f"{round(mib / 1024)} GB instead of {wanted}"
    away = distance(str(bound if in_mib is None else in_mib), str(mib))
    if edit := _move_to(requirement, mib, OTHER_HARDWARE + away / 2, consequence):
        yield edit


def _round_down(mib: int) -> int:
    """Return a bound below ``mib`` as people write it, in whole thousands."""
    return (mib - 1) // 1000 * 1000


VALUE_STEPS: Mapping[str, Callable[[Requirement, str], Iterator[Edit]]] = {
    "In": _accept_value,
    "NotIn": _drop_excluded_value,
    "Gt": _move_bound,
    "Lt": _move_bound,
}
