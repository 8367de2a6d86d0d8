"""Find the NodeSelectorTerms for a device, and the nodes that currently match them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, MIG, SHARED
from gfd.clusterview.dra.device_counts import GPU_CLASS, MIG_CLASS, count_devices
from gfd.clusterview.gpus import has_gpus, read_profiles
from gfd.kube.requirements import Requirement, parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.claim_templates.attribute_values import split_profile
from gfd.tools.select.constraints import ANYTHING, intersect, to_terms
from gfd.tools.select.criteria import DRIVER, OLD_DRIVER, build_criteria
from gfd.tools.select.query import find_resources

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.nodes import Node, Taint
    from gfd.labels.syntax import Labels
    from gfd.tools.select.constraints import NumberFormatter
    from gfd.tools.select.criterion import Criterion
    from gfd.tools.select.query import DeviceQuery, DeviceResource

Terms = tuple[tuple[Requirement, ...], ...]
"""NodeSelectorTerms: a node matches if it meets all requirements of one term."""
HARD = ("NoSchedule", "NoExecute")
"""Effects of taints that keep the scheduler from placing a pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """A node that has the device but would not accept the pod, and the reason."""

    node: Node
    reason: str
    """The reason; it completes "the node …"."""
    is_without_devices: bool = False
    """Whether no device plugin of the node offers the device; the DRA driver may, if it runs there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to request the device. A pod can use only one, since it requests one resource."""

    device: DeviceResource
    resource: str
    """The resource to request: that of :attr:`device`, perhaps with ``.shared``."""
    terms: Terms
    nodes: tuple[Node, ...]
    """The nodes that accept such a pod, now or after other pods end; those with most free devices first."""
    rejections: tuple[Rejection, ...]
    """Rejections of the other nodes that the terms match."""

    @property
    def tolerations(self) -> tuple[Taint, ...]:
        """Return NVIDIA's taints on the nodes, which the pod must tolerate."""
        return find_tolerations(self.nodes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The answer to a query."""

    query: DeviceQuery
    criteria: tuple[Criterion, ...]
    devices: tuple[DeviceResource, ...]
    variants: tuple[Variant, ...]
    """The variants with nodes; all variants if the nodes are unknown."""
    rejections: tuple[Rejection, ...]
    """The rejections of variants without nodes."""

    @property
    def may_have_slices(self) -> bool:
        """Whether the DRA driver may offer the device on a node where no device plugin does."""
        found = (*self.rejections, *(each for variant in self.variants for each in variant.rejections))
        return any(each.is_without_devices and each.node.dra is None for each in found)


def select(query: DeviceQuery, nodes: Sequence[Node] | None) -> Selection:
    """Return the ways to request the device; ``nodes`` is None if they are unknown. Raises ConfigError."""
    criteria, devices = build_criteria(query, nodes), find_resources(query, nodes)
    variants: list[Variant] = []
    rejections: list[Rejection] = []
    for device in devices:
        terms = build_terms(criteria, device, nodes or ())
        if nodes is None:
            if terms:
                variants.append(
                    Variant(device=device, resource=device.name, terms=terms, nodes=(), rejections=())
                )
            continue
        matching = [node for node in nodes if has_gpus(node) and matches(terms, node.labels)]
        found = _build_variants(query, device, terms, matching)
        variants += [each for each in found if each.nodes]
        rejections += [rejection for each in found if not each.nodes for rejection in each.rejections]
    return Selection(
        query=query,
        criteria=criteria,
        devices=devices,
        variants=tuple(variants),
        rejections=tuple(rejections),
    )


def build_terms(criteria: Sequence[Criterion], device: DeviceResource, nodes: Sequence[Node]) -> Terms:
    """Return the terms that match the nodes that meet all criteria; empty if no node can meet them."""
    constraints = reduce(intersect, (each.constraints(device) for each in criteria), ANYTHING)
    return to_terms(constraints, _make_formatter(nodes))


def matches(terms: Terms, labels: Labels) -> bool:
    """Return whether a node with these labels matches the terms."""
    return any(all(each.matches(labels) for each in term) for term in terms)


def find_tolerations(nodes: Iterable[Node]) -> tuple[Taint, ...]:
    """Return NVIDIA's taints on the nodes, which a pod must tolerate."""
    found = {
        (each.key, each.effect): each
        for node in nodes
        for each in _find_hard_taints(node)
        if _is_nvidia(each)
    }
    return tuple(found[key] for key in sorted(found))


def explain_taints(node: Node) -> str:
    """Return which taint of others than NVIDIA keeps the pod away; empty if none does."""
    foreign = next((each for each in _find_hard_taints(node) if not _is_nvidia(each)), None)
    return f"has the taint {foreign}" if foreign else ""


def _build_variants(
    query: DeviceQuery, device: DeviceResource, terms: Terms, nodes: Sequence[Node]
) -> list[Variant]:
    """Return a variant for each name under which the nodes offer the device."""
    by_resource: dict[str, list[Node]] = {}
    for node in nodes:
        is_renamed = node.allocatable.get(device.name + SHARED, 0) > 0
        by_resource.setdefault(device.name + (SHARED if is_renamed else ""), []).append(node)
    variants = []
    for resource, offering in sorted(by_resource.items()):
        reasons = {node.name: _explain_rejection(node, resource, query) for node in offering}
        accepting = [node for node in offering if not reasons[node.name]]
        variants.append(
            Variant(
                device=device,
                resource=resource,
                terms=terms,
                nodes=tuple(sorted(accepting, key=lambda node: (-_count_free(node, resource), node.name))),
                rejections=tuple(
                    Rejection(
                        node=node,
                        reason=reasons[node.name],
                        is_without_devices=not node.allocatable.get(resource),
                    )
                    for node in offering
                    if reasons[node.name]
                ),
            )
        )
    return variants


def _count_free(node: Node, resource: str) -> int:
    return node.free(resource) if node.is_counted else 0


def _explain_rejection(node: Node, resource: str, query: DeviceQuery) -> str:
    """Return why a node that matches the terms would not accept the pod; empty if it would."""
    if tainted := explain_taints(node):
        return tainted
    if resource.endswith(SHARED) and not query.wants_shared:
        return f"offers only devices that pods share, as {resource}; add --shared if that is enough"
    offered = node.allocatable.get(resource, 0)
    if offered >= query.count:
        return ""
    if offered:
        return f"offers {offered} {resource}, and --count asks for {query.count}"
    if count := _count_in_slices(node, resource):
        return (
            f"offers 0 {resource} by a device plugin, but {count} in ResourceSlices: write a claim with "
            f"--dra, or ask gfd match whether a DeviceClass gives them to pods that request {resource}"
        )
    profiles = read_profiles(node.labels) if resource == GPU else ()
    divided = f", since MIG divides its GPUs; ask for --mig-profile {profiles[0]}" if profiles else ""
    return f"offers 0 {resource}{divided}"


def _count_in_slices(node: Node, resource: str) -> int:
    """Return how many such devices NVIDIA's DRA driver offers on a node."""
    if node.dra is None:
        return 0
    profile = resource.removeprefix(MIG)
    kind = GPU_CLASS if resource == GPU else f"{MIG_CLASS}/{split_profile(profile)[0]}"
    found = count_devices(node.dra).get(kind)
    return found.offered if found else 0


def _find_hard_taints(node: Node) -> list[Taint]:
    return [taint for taint in node.taints if taint.effect in HARD]


def _is_nvidia(taint: Taint) -> bool:
    return taint.key.startswith(VENDOR)


def _make_formatter(nodes: Sequence[Node]) -> NumberFormatter:
    """Return a function that formats a number as labels do: a driver's minor version may have a leading 0."""

    def format_number(key: str, number: int) -> tuple[str, ...]:
        values = {node.labels[key] for node in nodes if key in node.labels}
        found = sorted(text for text in values if parse_integer(text) == number)
        forms = {str(number), f"{number:02}"} if key in (*DRIVER[1:], *OLD_DRIVER[1:]) else {str(number)}
        return tuple(found or sorted(forms))

    return format_number
