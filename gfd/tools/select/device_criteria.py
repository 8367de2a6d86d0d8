"""Criteria about a device apart from its product: family, whole or MIG, shared or not, GPUs of its node."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.clusterview.hardware import GENERATIONS
from gfd.kube.requirements import parse_integer
from gfd.labels.products import SHARED_END, extract_profile
from gfd.text import find_closest
from gfd.tools.select.constraints import ANYTHING, Absence, AnyOf, Choice, Exclusion, Range
from gfd.tools.select.criterion import Criterion, describe_absent, one_of, read_label
from gfd.tools.select.query import list_profiles

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.select.query import DeviceQuery, DeviceResource

_FAMILY, _COUNT, _PHYSICAL = f"{GPU}.family", f"{GPU}.count", f"{GPU}.count.physical"
_MIG_SLICES = f"{GPU}.slices.gi"
"""A label that nvidia.com/gpu has only if it stands for MIG devices."""
_SAME_GPU = "several shared devices of one pod can be parts of the same GPU"
_SHARING = ("mps", "time-slicing")


def build_family(query: DeviceQuery, nodes: Sequence[Node] | None) -> Criterion:
    """Return the criterion for --family."""
    offered = {node.labels.get(_FAMILY) for node in nodes or ()}
    absent = (each for each in query.families if each not in offered)

    def measure(value: str) -> tuple[float, ...]:
        known = [GENERATIONS.index(each) for each in query.families if each in GENERATIONS]
        if not known:
            ratios = [SequenceMatcher(None, each, value).ratio() for each in query.families]
            return (len(GENERATIONS), 1 - max(ratios))
        if value not in GENERATIONS:
            return (len(GENERATIONS),)
        return (min(abs(GENERATIONS.index(value) - index) for index in known),)

    def advise(_: Sequence[Node]) -> str:
        unknown = [each for each in query.families if each not in GENERATIONS]
        if not unknown:
            return ""
        closest = find_closest(unknown[0], GENERATIONS)
        return f"did you mean {closest}?" if closest else f"known families are {', '.join(GENERATIONS)}"

    return Criterion(
        option="--family",
        texts=query.families,
        constraints=lambda _: one_of(_FAMILY, set(query.families)),
        read_values=read_label(_FAMILY),
        measure=measure,
        advise=advise,
        notes=describe_absent(absent, query.families, nodes),
    )


def build_sharing(query: DeviceQuery, nodes: Sequence[Node] | None) -> Criterion:
    """Return the criterion that devices are shared, with --shared, or not shared, without it."""

    def is_labelled(node: Node, resource: DeviceResource) -> bool:
        return resource.sharing_label in node.labels or resource.product_label not in node.labels

    def constraints(resource: DeviceResource) -> AnyOf:
        shared_products = {
            product
            for node in nodes or ()
            if (product := node.labels.get(resource.product_label, "")).endswith(SHARED_END)
        }
        has_old_nodes = not all(is_labelled(node, resource) for node in nodes or ())
        if query.is_shared:
            shared: AnyOf = ({resource.sharing_label: Choice(texts=frozenset(_SHARING))},)
            return (*shared, *one_of(resource.product_label, shared_products)) if has_old_nodes else shared
        if query.products or resource.strategy == "single":
            return ANYTHING  # the product's label says it, or the resource has another name
        if not has_old_nodes:
            return ({resource.sharing_label: Choice(texts=frozenset({"none"}))},)
        not_shared = {resource.sharing_label: Exclusion(texts=frozenset(_SHARING))}
        if shared_products:
            not_shared[resource.product_label] = Exclusion(texts=frozenset(shared_products))
        return (not_shared,)

    def read_values(resource: DeviceResource, labels: Labels) -> tuple[str, ...]:
        value = labels.get(resource.sharing_label) or (
            "shared" if labels.get(resource.product_label, "").endswith(SHARED_END) else ""
        )
        return (value,) if value else ()

    advice = (
        "no device is shared there: leave out --shared"
        if query.is_shared
        else "several pods share each device there: add --shared if that is enough"
    )
    return Criterion(
        option="--shared" if query.is_shared else "without --shared",
        describe=lambda value: f"sharing strategy {value}",
        constraints=constraints,
        read_values=read_values,
        advise=lambda _: advice,
        implied="" if query.is_shared else "devices for one pod",
        notes=(_SAME_GPU,) if query.is_shared and query.count > 1 else (),
    )


def build_whole(query: DeviceQuery) -> Criterion:
    """Return the criterion that nvidia.com/gpu stands for whole GPUs, not for MIG devices."""

    def read_values(_: DeviceResource, labels: Labels) -> tuple[str, ...]:
        product = labels.get(f"{GPU}.product", "")
        return (extract_profile(product) or "whole",) if product else ()

    return Criterion(
        option="--exclusive" if query.is_exclusive else "whole GPUs",
        constraints=lambda _: ANYTHING if query.products else ({_MIG_SLICES: Absence()},),
        read_values=read_values,
        advise=_offer_profiles,
        implied="" if query.is_exclusive else "whole GPUs",
    )


def build_gpus_per_node(query: DeviceQuery) -> Criterion:
    """Return the criterion for --gpus-per-node."""

    def constraints(resource: DeviceResource) -> AnyOf:
        # Under the strategy single, gpu.count counts MIG devices.
        key = _PHYSICAL if resource.strategy == "single" else _COUNT
        return ({key: Range(least=query.gpus_per_node)},)

    def count_whole(resource: DeviceResource) -> AnyOf:
        # On a node whose nvidia.com/gpu stands for MIG devices, gpu.count counts these.
        if resource.strategy == "single":
            return constraints(resource)
        return ({_COUNT: Range(least=query.gpus_per_node), _MIG_SLICES: Absence()},)

    def read_values(_: DeviceResource, labels: Labels) -> tuple[str, ...]:
        is_divided = bool(extract_profile(labels.get(f"{GPU}.product", "")))
        value = labels.get(_PHYSICAL if is_divided else _COUNT)
        return (value,) if value else ()

    return Criterion(
        option="--gpus-per-node",
        texts=(str(query.gpus_per_node),),
        constraints=constraints,
        alone=count_whole,
        read_values=read_values,
        measure=lambda value: (abs((parse_integer(value) or 0) - query.gpus_per_node),),
        describe=lambda value: f"{value} GPUs" if value != "1" else "1 GPU",
    )


def _offer_profiles(with_gpus: Sequence[Node]) -> str:
    profiles = list_profiles(with_gpus)
    return f"MIG divides the GPUs there: ask for --mig-profile {profiles[0]}" if profiles else ""
