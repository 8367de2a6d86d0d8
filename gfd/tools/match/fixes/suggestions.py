"""Find the labels and resources that come closest to those that no node has."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, MIG, PRODUCT, SHARED, is_device, is_product
from gfd.clusterview.hardware import measure_distance, parse_product, read_profile_gb
from gfd.kube.requirements import parse_integer
from gfd.labels.products import INVALID, extract_profile
from gfd.labels.syntax import VENDOR
from gfd.text import join_words
from gfd.tools.match.fixes.index import is_operators
from gfd.tools.match.fixes.label_steps import is_about_any_gpu, name_writer
from gfd.tools.match.fixes.label_values import COUNT
from gfd.tools.match.fixes.similarity import distance
from gfd.tools.match.fixes.substitution import read_product
from gfd.tools.match.judge.capacity import is_unknown_resource
from gfd.tools.match.judge.gpu_labels import find_products
from gfd.tools.match.judge.simulated_labels import is_unknown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.nodes import Node
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.fixes.index import LabelIndex
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

MAX_VALUES = 3
"""The maximum number of values in one suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A requirement that no node meets, and the nearest labels or resources that nodes have."""

    asked: str
    key: str
    """The label; empty for devices."""
    values: tuple[tuple[str, int], ...]
    """The nearest values of the label, or resources, each with its number of nodes."""
    notes: tuple[str, ...] = ()
    """For devices: what each of :attr:`values` is, such as "whole GPUs" or "5 GB slices"."""
    value_key: str = ""
    """The label that has :attr:`values`: another one than :attr:`key` if the pod uses a cloud's label."""
    keys: tuple[tuple[str, int], ...] = ()
    """If no node has the label: the labels with the most similar keys, each with its number of nodes."""
    meaning: str = ""
    """What a cloud's label means, or why no node has the label or offers the devices.

    For example "h100 means NVIDIA-H100-80GB-HBM3".
    """


def find_suggestions(spec: SchedulingSpec, index: LabelIndex) -> list[Suggestion]:
    """Return a suggestion for each of a pod's requirements and resources that no node has."""
    nodes = index.nodes
    suggestions = [
        _suggest_label(each, index)
        for each in dict.fromkeys(spec.requirements())
        if not any(each.matches(node.labels) or is_unknown(each, node) for node in nodes)
    ]
    for resource, count in spec.requests.items():
        # Only extended resources have a slash in the name; a simulated machine has no others.
        is_extended = count and "/" in resource
        if is_extended and not any(_may_offer(node, resource) for node in nodes):
            offers = Counter(
                name
                for node in nodes
                for name, number in node.allocatable.items()
                if number and name.startswith(VENDOR) and resource.startswith(VENDOR)
            )
            values = _rank_devices(resource, offers)
            notes = tuple(_describe_devices(name, index) for name, _ in values)
            cause = _explain_layout(nodes) if is_device(resource) else ""
            suggestions.append(Suggestion(asked=resource, key="", values=values, notes=notes, meaning=cause))
    return suggestions


def _explain_layout(nodes: Iterable[Node]) -> str:
    """Return which nodes offer nothing because their MIG layout is invalid; empty if none is."""
    products = {each.name: each.labels.get(f"{GPU}{PRODUCT}", "") for each in nodes}
    names = [name for name, product in products.items() if extract_profile(product) == INVALID]
    if not names:
        return ""
    others = len(names) - MAX_VALUES
    shown = join_words(names if others <= 1 else [*names[:MAX_VALUES], f"{others} more nodes"], "and")
    return (
        f"the MIG layout of {shown} is invalid for the strategy single: use one profile on all GPUs, or the "
        "strategy mixed"
    )


def _may_offer(node: Node, resource: str) -> bool:
    return bool(node.allocatable.get(resource)) or is_unknown_resource(node, resource)


def _suggest_label(requirement: Requirement, index: LabelIndex) -> Suggestion:
    key = requirement.key
    values = _count(key, index)
    if values or requirement.operator == "DoesNotExist":
        nearest = _rank_by_bound(requirement, values) or _rank(key, requirement.values, values)
        return Suggestion(asked=str(requirement), key=key, values=nearest, value_key=key)
    meant = {value: products for value in requirement.values if (products := find_products(key, value))}
    if meant and requirement.operator == "In":
        product = f"{GPU}{PRODUCT}"
        wanted = tuple(each for products in meant.values() for each in products)
        return Suggestion(
            asked=str(requirement),
            key=key,
            values=_rank(product, wanted, _count(product, index)),
            value_key=product,
            meaning=", ".join(
                f"{value} means {' or '.join(products)}"
                for value, products in meant.items()
                if products != (value,)
            ),
        )
    if is_about_any_gpu(requirement) or is_operators(key):
        near = [COUNT] if is_about_any_gpu(requirement) and index.keys[COUNT] else []
        meaning = name_writer(key)
    else:
        near = [other.key for other in index.find_alternatives(key) if not other.is_mig][:MAX_VALUES]
        meaning = ""
    keys = tuple((other, index.keys[other]) for other in near)
    return Suggestion(asked=str(requirement), key=key, values=(), value_key=key, keys=keys, meaning=meaning)


def _count(key: str, index: LabelIndex) -> Counter[str]:
    return Counter(node.labels[key] for node in index.nodes if key in node.labels)


def _rank(key: str, wanted: tuple[str, ...], values: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Return the values most similar to one of ``wanted``: products by hardware, others by letters."""

    def measure(value: str) -> float:
        return min(
            measure_distance(each, value) if is_product(key) else _measure(key, each, value)
            for each in wanted or ("",)
        )

    ranked = sorted(values.items(), key=lambda item: (measure(item[0]), item[0]))
    return tuple(ranked[:MAX_VALUES])


def _measure(key: str, wanted: str, found: str) -> float:
    pairs = [(one, other) for one in find_products(key, wanted) for other in find_products(key, found)]
    return min((measure_distance(*pair) for pair in pairs), default=distance(wanted, found))


def _rank_devices(wanted: str, offers: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Return the resources nearest to ``wanted``: MIG devices by memory, and whole GPUs."""

    def measure(other: str) -> tuple[bool, float, str]:
        sizes = [read_profile_gb(each) for each in (wanted, other)]
        is_other_kind = wanted.startswith(MIG) != other.startswith(MIG)
        return (is_other_kind, abs(sizes[0] - sizes[1]) if all(sizes) else -sizes[1], other)

    return tuple(sorted(offers.items(), key=lambda item: measure(item[0]))[:MAX_VALUES])


def _describe_devices(resource: str, index: LabelIndex) -> str:
    """Return what the devices of a name are: whole GPUs, slices, shared ones. Empty for other resources."""
    if not is_device(resource):
        return ""
    products = [read_product(node, resource) for node in index.nodes if node.allocatable.get(resource)]
    devices = [parse_product(product) for product in products]
    sizes = (
        {read_profile_gb(resource)}
        if resource.startswith(MIG)
        else {each.memory_gb for each in devices if each.profile}
    )
    parts = [f"{size} GB slices" for size in sorted(sizes) if size]
    shared = [resource.endswith(SHARED) or each.is_shared for each in devices]
    if not resource.startswith(MIG) and any(not each.profile for each in devices):
        parts.append("GPUs" if any(shared) else "whole GPUs")
    text = " or ".join(parts)
    if any(shared) and not all(shared):
        return f"{text}, some of them shared"
    return f"shared {text}" if any(shared) else text


def _rank_by_bound(requirement: Requirement, values: Counter[str]) -> tuple[tuple[str, int], ...]:
    """Return the values nearest to a bound: the largest below it, or the smallest above it."""
    if requirement.operator not in ("Gt", "Lt"):
        return ()
    numbers = [(number, text) for text in values if (number := parse_integer(text)) is not None]
    ranked = sorted(numbers, reverse=requirement.operator == "Gt")
    return tuple((text, values[text]) for _, text in ranked[:MAX_VALUES])
