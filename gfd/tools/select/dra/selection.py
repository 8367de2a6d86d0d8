"""Compare a claim with the devices in the ResourceSlices of the nodes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.dra.device_counts import count_devices
from gfd.clusterview.dra.node_devices import explain_unclaimed
from gfd.tools.select.criteria import build_criteria
from gfd.tools.select.dra.claim import build_claim
from gfd.tools.select.dra.near_misses import NearMisses
from gfd.tools.select.dra.product_names import find_names
from gfd.tools.select.selection import Rejection, explain_taints, find_tolerations
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.clusterview.nodes import Node, Taint
    from gfd.tools.select.dra.claim import Alternative, DeviceClaim
    from gfd.tools.select.query import DeviceQuery


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeDevices:
    """The devices of a node that meet an alternative."""

    node: Node
    alternative: Alternative
    products: tuple[str, ...]
    total: int
    """How many devices meet it and have no taint that keeps claims away."""
    blocked: int
    """How many meet it, but have such a taint."""
    taints: Mapping[str, int]
    """How many of :attr:`blocked` have each such taint."""
    free: int | None
    """How many of :attr:`total` no claim holds; None if the claims are unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraSelection:
    """The answer to a query."""

    claim: DeviceClaim
    notes: tuple[str, ...]
    compared: int | None
    """The number of nodes with ResourceSlices; None if the nodes are unknown."""
    devices: tuple[Device, ...]
    """All devices of the claim's DeviceClass."""
    nodes: tuple[NodeDevices, ...]
    """The nodes that can run the pod, now or after other pods end."""
    rejections: tuple[Rejection, ...]
    """Nodes with such devices that cannot run the pod."""
    near_misses: tuple[str, ...]
    """A sentence for each value that misses one wish by little."""
    nearest: str
    """Which devices come closest, if none meets the wishes: the text completes "no device …"; else empty."""

    @property
    def tolerations(self) -> tuple[Taint, ...]:
        """NVIDIA's taints on the nodes, which the pod must tolerate."""
        return find_tolerations(each.node for each in self.nodes)

    @property
    def is_refused(self) -> bool:
        """Whether devices were compared, and no node can run the pod."""
        return bool(self.compared) and not self.nodes


def select(query: DeviceQuery, nodes: Sequence[Node] | None, *, is_from_file: bool = False) -> DraSelection:
    """Return the claim, and the nodes that can run it; ``nodes`` is None if they are unknown.

    ``is_from_file`` is whether the nodes come from a file, which may lack ResourceClaims. Raises ConfigError.
    """
    known = [node for node in nodes or () if node.dra is not None]
    devices = [device for node in known if node.dra for device in node.dra.devices]
    found = [device.text("productName") for device in devices]
    named = [find_names(text, {*found} - {""}, is_exact=nodes is None) for text in query.products]
    claim = build_claim(query, named, devices)
    notes = [note for each in build_criteria(query, None) for note in each.notes]
    notes += [each.source for each in named if each.source]
    if not query.is_mig and not query.is_whole and not query.products:
        notes.append("these are whole GPUs; for MIG devices, add --mig-profile")
    if is_from_file and (unclaimed := explain_unclaimed(known)):
        notes.append(unclaimed)
    results = [each for node in known if (each := _compare(claim, node)) is not None]
    near = NearMisses(query, known, claim.accepts_kind)
    return DraSelection(
        claim=claim,
        notes=tuple(notes),
        compared=None if nodes is None else len(known),
        devices=tuple(device for device in devices if claim.accepts_kind(device)),
        nodes=tuple(
            sorted(
                (each for each in results if isinstance(each, NodeDevices)),
                key=lambda each: (-(each.free or 0), each.node.name),
            )
        ),
        rejections=tuple(each for each in results if isinstance(each, Rejection)),
        near_misses=tuple(near.sentences),
        nearest="" if results else near.explain(),
    )


def _compare(claim: DeviceClaim, node: Node) -> NodeDevices | Rejection | None:
    """Return what a node has for the first alternative that it can meet; None if it has no such device."""
    best, tainted = 0, None
    for alternative in claim.alternatives:
        found = _count(claim, alternative, node)
        if found.total >= claim.count:
            reason = explain_taints(node)
            return Rejection(node=node, reason=reason) if reason else found
        best = max(best, found.total)
        if found.blocked and (tainted is None or found.blocked > tainted.blocked):
            tainted = found
    if not best and tainted is None:
        return None
    reason = f"has {pluralize(best, 'such device')}, and --count asks for {claim.count}"
    if tainted is not None:
        verb = "has a taint" if tainted.blocked == 1 else "have taints"
        reason += f"; {tainted.blocked} more {verb}: {', '.join(tainted.taints)}"
    return Rejection(node=node, reason=reason)


def _count(claim: DeviceClaim, alternative: Alternative, node: Node) -> NodeDevices:
    assert node.dra is not None  # only nodes with ResourceSlices are compared

    def accepts(device: Device) -> bool:
        return claim.accepts_kind(device) and alternative.accepts(device)

    counts = count_devices(node.dra, accepts).values()
    taints = Counter(
        str(taint)
        for device in filter(accepts, node.dra.devices)
        for taint in device.taints
        if taint.is_blocking
    )
    return NodeDevices(
        node=node,
        alternative=alternative,
        products=tuple(
            sorted({device.text("productName") for device in node.dra.devices if accepts(device)})
        ),
        total=sum(each.total - each.blocked for each in counts),
        blocked=sum(each.blocked for each in counts),
        taints=dict(sorted(taints.items())),
        free=sum(each.free or 0 for each in counts) if node.dra.is_counted else None,
    )
