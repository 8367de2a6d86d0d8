"""Find steps after which a node has what a pod requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.amounts import format_request, is_in_bytes
from gfd.clusterview.device_counts import GPU, MIG, SHARED, is_device
from gfd.clusterview.hardware import measure_distance
from gfd.clusterview.resources import CPU, PODS
from gfd.kube.requirements import parse_integer
from gfd.labels.products import extract_profile
from gfd.labels.syntax import VENDOR
from gfd.tools.match.fixes.label_steps import says_gpu
from gfd.tools.match.fixes.similarity import find_similar
from gfd.tools.match.fixes.steps import FEWER, OTHER_HARDWARE, SAME, Repair, Wait, replace_request
from gfd.tools.match.fixes.substitution import find_wanted_products, read_product
from gfd.tools.match.judge.capacity import count_free

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.fixes.index import LabelIndex
    from gfd.tools.match.fixes.steps import Edit, Step
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

_OTHER_SHARING, _OTHER_PARTITIONING = 0.1, 0.2
_MIB, _GIB = 2**20, 2**30
_MANY = 2**31
_DEVICE_SCALE, _COMPUTE_SCALE = 0.4, 0.25
"""What it costs to request almost nothing of a resource, compared with almost all."""


def find_request_steps(
    resource: str, spec: SchedulingSpec, node: Node, index: LabelIndex
) -> Iterator[tuple[Step, ...]]:
    """Yield steps after which the node has enough of a resource."""
    count, offered = spec.demand[resource], node.allocatable.get(resource, 0)
    free = count_free(node, resource)
    if offered >= count:
        yield (Wait(state=_describe_free(resource, count)),)
    if offered and resource != PODS:
        largest = index.find_largest(resource)
        yield from _request_less(resource, spec, free=free, offered=offered, largest=largest)
    if offered or not resource.startswith(VENDOR):
        return
    if repair := _find_repair(resource, node):
        expected = _count_expected(resource, node)
        if expected >= count:
            yield (repair,)
        elif expected:
            cost = FEWER + _DEVICE_SCALE * (1 - expected / count)
            why = f"the node has only {format_request(resource, expected)}"
            yield (replace_request(spec, resource, (resource, expected), cost, why), repair)
    for edit in _use_other_devices(resource, spec, node):
        yield (edit,)


def _describe_free(resource: str, count: int) -> str:
    return "has room for another pod" if resource == PODS else f"has {format_request(resource, count)} free"


def _request_less(
    resource: str, spec: SchedulingSpec, *, free: int, offered: int, largest: int
) -> Iterator[tuple[Step, ...]]:
    """Yield a smaller request that fits now, and the largest one that can ever fit, with the wait for it."""
    wanted = spec.requests[resource]
    scale = _DEVICE_SCALE if "/" in resource else _COMPUTE_SCALE
    limit = ""
    if offered < wanted:
        amount = format_request(resource, _round_down(resource, offered))
        limit = f"no node has more than {amount}" if offered == largest else f"the node has only {amount}"
    for left in dict.fromkeys((_round_down(resource, free), _round_down(resource, min(offered, wanted)))):
        if not 0 < left < wanted:
            continue
        cost = FEWER + scale * (1 - left / wanted)
        is_free = left <= free
        only_free = f"the node has only {format_request(resource, left)} free" if free < offered else ""
        why = only_free if is_free and only_free else limit
        edit = replace_request(spec, resource, (resource, left), cost, why)
        yield (edit,) if is_free else (edit, Wait(state=_describe_free(resource, left)))


def _round_down(resource: str, amount: int) -> int:
    """Return an amount as people write it: whole cores, whole GiB; a small one as it is."""
    if resource == CPU:
        return amount // 1000 * 1000 or amount
    if is_in_bytes(resource):
        return amount // _GIB * _GIB or amount // _MIB * _MIB
    return amount


def _find_repair(resource: str, node: Node) -> Repair | None:
    """Return the repair if the node should offer GPUs, but offers none of any kind."""
    offers_any = any(count and is_device(name) for name, count in node.allocatable.items())
    if offers_any or not is_device(resource) or node.is_simulated:
        return None
    if any(count and is_device(name) for name, count in node.capacity.items()):
        return Repair(
            problem="the device plugin reports all devices as unhealthy on",
            remedy="look at the log of its pod there and at nvidia-smi",
        )
    if not _is_labelled(node):
        return None
    return Repair(
        problem="the device plugin offers nothing on",
        remedy="the labels say that there are GPUs; look at the device plugin's pod there",
    )


def _is_labelled(node: Node) -> bool:
    counted = node.labels.get(f"{GPU}.count", "")
    is_counted = counted not in ("", "0") or f"{GPU}.product" in node.labels
    return is_counted or any(says_gpu(key, value) for key, value in node.labels.items())


def _count_expected(resource: str, node: Node) -> int:
    """Return how many devices the node should offer; a node without labels is expected to have enough."""
    base = resource.removesuffix(SHARED)
    counts = [parse_integer(node.labels.get(f"{base}.{each}", "")) for each in ("count", "replicas")]
    is_other_layout = base != GPU and counts[0] is None
    if f"{GPU}.product" in node.labels and (is_other_layout or (resource != base and (counts[1] or 1) < 2)):
        return 0
    labelled = None if counts[0] is None else counts[0] * max(counts[1] or 1, 1)
    found = node.capacity.get(resource, 0) or labelled
    return _MANY if found is None else found


def _use_other_devices(resource: str, spec: SchedulingSpec, node: Node) -> Iterator[Edit]:
    """Yield the request for devices of another name that the node has free."""
    count = spec.requests[resource]
    offered = [name for name, number in node.allocatable.items() if number and name.startswith(VENDOR)]
    if not is_device(resource):
        for other in find_similar(resource, offered)[:1]:
            if count_free(node, other) >= count:
                yield replace_request(spec, resource, (other, count), SAME)
        return
    for other in filter(is_device, offered):
        away = _measure_devices(resource, other, spec, node)
        is_whole_to_slice = away > 0 and other.startswith(MIG) and not resource.startswith(MIG)
        # A program uses one MIG device, so several slices do not replace several GPUs.
        if count_free(node, other) >= count and not (is_whole_to_slice and count > 1):
            yield request_instead(resource, other, spec, node)


def request_instead(resource: str, other: str, spec: SchedulingSpec, node: Node) -> Edit:
    """Return the request for as many devices of another name."""
    away = _measure_devices(resource, other, spec, node)
    cost = OTHER_HARDWARE + away if away else SAME
    why = _explain_name(resource, other, read_product(node, other))
    return replace_request(spec, resource, (other, spec.requests[resource]), cost, why)


def _explain_name(resource: str, other: str, product: str) -> str:
    """Return why the devices have another name on the node; empty if both are MIG devices, or none is."""
    if resource.startswith(MIG) == other.startswith(MIG):
        return ""
    if other.startswith(MIG):
        return "MIG devices have resources of their own under the strategy mixed"
    is_single = bool(extract_profile(product))
    return (
        "MIG devices have no resources of their own there"
        if is_single
        else "MIG does not divide the GPUs there"
    )


def _measure_devices(resource: str, other: str, spec: SchedulingSpec, node: Node) -> float:
    """Return the distance between the devices of two names: 0 if the pod gets what it asks for."""
    found = read_product(node, other)
    named = find_wanted_products(spec)
    if named and any(map(extract_profile, named)):
        return min(measure_distance(each, found) for each in named)
    wanted = read_product(node, resource)
    is_single = resource.startswith(MIG) and not other.startswith(MIG)
    if is_single and extract_profile(found) == resource.removesuffix(SHARED).removeprefix(MIG):
        return 0.0
    # Without labels, only the names of the resources tell what differs.
    differences = (
        _OTHER_SHARING * (resource.endswith(SHARED) != other.endswith(SHARED)),
        _OTHER_PARTITIONING * (resource.removesuffix(SHARED) != other.removesuffix(SHARED)),
    )
    return measure_distance(wanted, found) or sum(differences)
