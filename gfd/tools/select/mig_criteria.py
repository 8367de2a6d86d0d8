"""Criteria that mean MIG devices: their profile, or the memory in the profile's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.clusterview.hardware import read_profile_gb
from gfd.labels.products import extract_profile
from gfd.tools.memory_sizes import parse_size, to_sold
from gfd.tools.select.comparisons import read_memory, read_mig_memory, split
from gfd.tools.select.constraints import ANYTHING, AnyOf, Range, intersect
from gfd.tools.select.criterion import Criterion, one_of
from gfd.tools.select.product_names import is_meant
from gfd.tools.select.query import list_profiles, read_all_profiles
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.select.query import DeviceQuery, DeviceResource

_SLICES = re.compile(r"([0-9]+)g\.")
_NO_MIG = "no node there has MIG devices: ask for whole GPUs, or ask an operator to set up MIG"


def build_mig_profile(query: DeviceQuery, nodes: Sequence[Node] | None) -> Criterion:
    """Return the criterion for --mig-profile."""

    def constraints(resource: DeviceResource) -> AnyOf:
        if query.products and (nodes is None or resource.strategy == "mixed"):
            return ANYTHING  # the product's label contains the profile
        if resource.strategy == "mixed":
            return _count(resource)
        return _of_profiles(resource, query.mig_profiles, nodes or (), is_shared=query.wants_shared)

    def measure(value: str) -> tuple[float, ...]:
        return min(_measure_profile(each, value) for each in query.mig_profiles)

    return Criterion(
        option="--mig-profile",
        texts=query.mig_profiles,
        constraints=constraints,
        read_values=lambda _, labels: tuple(sorted(read_all_profiles(labels))),
        measure=measure,
        advise=_advise,
        names_device=True,
    )


def build_mig_memory(query: DeviceQuery, nodes: Sequence[Node]) -> Criterion:
    """Return the criterion for --mig-memory. Raises ValueError for a text that no label can match."""
    texts = query.mig_memory
    read_memory(texts, "")  # report a wrong text even if there is no MIG device

    def constraints(resource: DeviceResource) -> AnyOf:
        key = f"{resource.name}.memory"
        if resource.strategy == "mixed":
            return intersect(_count(resource), read_mig_memory(texts, resource.profile, key))
        groups: list[tuple[AnyOf, list[str]]] = []
        for profile in list_profiles(nodes):
            needed = read_mig_memory(texts, profile, key)
            same = next((profiles for found, profiles in groups if found == needed), None)
            if same is None:
                groups.append((needed, [profile]))
            else:
                same.append(profile)
        return tuple(
            each
            for needed, profiles in groups
            for each in intersect(
                _of_profiles(resource, profiles, nodes, is_shared=query.wants_shared), needed
            )
        )

    def measure(value: str) -> tuple[float, ...]:
        bounds = [parse_size(split(text).text)[1] / 1024 for text in texts]
        return (min(abs(float(bound - read_profile_gb(value))) for bound in bounds),)

    sold = to_sold(texts)

    def is_near(value: str) -> bool:
        return sold != texts and read_mig_memory(sold, value, "") == ({},)

    def advise(with_gpus: Sequence[Node]) -> str:
        count = sum(any(map(is_near, read_all_profiles(node.labels))) for node in with_gpus)
        if not count:
            return _advise(with_gpus)
        written = " and ".join(f"'{text}'" for text in sold)
        return f"write {written}: GB are those in the name of a profile ({pluralize(count, 'node')})"

    return Criterion(
        option="--mig-memory",
        texts=texts,
        constraints=constraints,
        read_values=lambda _, labels: tuple(sorted(read_all_profiles(labels))),
        measure=measure,
        is_near=is_near,
        advise=advise,
        names_device=True,
    )


def _measure_profile(wanted: str, found: str) -> tuple[float, ...]:
    """Return the distance in memory, in compute slices, and whether the rest of the name differs."""
    slices = [int(match[1]) if (match := _SLICES.search(each)) else 0 for each in (wanted, found)]
    memory_gb = [read_profile_gb(each) for each in (wanted, found)]
    return (abs(memory_gb[0] - memory_gb[1]), abs(slices[0] - slices[1]), wanted != found)


def _count(resource: DeviceResource) -> AnyOf:
    return ({f"{resource.name}.count": Range(least=1)},)


def _of_profiles(
    resource: DeviceResource, profiles: Sequence[str], nodes: Sequence[Node], *, is_shared: bool
) -> AnyOf:
    """Return the constraint that ``resource`` stands for MIG devices with one of these profiles."""
    products = {node.labels.get(resource.product_label, "") for node in nodes}
    return one_of(
        resource.product_label,
        {
            each
            for each in products
            if extract_profile(each) in profiles and is_meant(each, is_mig=True, is_shared=is_shared)
        },
    )


def _advise(with_gpus: Sequence[Node]) -> str:
    """Return which MIG devices there are. One of them is named anyway."""
    profiles = list_profiles(with_gpus)
    if not profiles:
        return _NO_MIG
    return f"all MIG devices there: {', '.join(profiles)}" if len(profiles) > 1 else ""
