"""Join the devices of ResourceSlices, and the claims that hold them, to the nodes of a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import is_device
from gfd.clusterview.dra.device_counts import name_kind
from gfd.clusterview.pods import PodRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from gfd.clusterview.dra.index import DraIndex, NodePools
    from gfd.clusterview.dra.model import ResourceClaim
    from gfd.clusterview.nodes import Node

UNCLAIMED = (
    "no ResourceClaim in the file holds a device of these nodes, so all devices of ResourceSlices count as "
    "free; {} prints what gfd needs"
)
"""The braces stand for the command that prints such a file."""
_COMMAND = "kubectl get nodes,resourceslices,resourceclaims -A -o json"


def add_devices(nodes: list[Node], index: DraIndex) -> list[Node]:
    """Return the nodes with their devices in ResourceSlices, and with the pods that hold those."""
    return [add_pools(node, index.find(node.name)) for node in nodes] if index else nodes


def add_pools(node: Node, pools: NodePools | None) -> Node:
    """Return the node with these pools; None means that it has none.

    If no device plugin offers ``nvidia.com/gpu``, pods that request it hold devices of ResourceSlices, by a
    claim that the scheduler makes for them (``DRAExtendedResource``). Only the claim counts then.
    """
    if pools is None:
        return node
    offered = {**node.capacity, **node.allocatable}
    by_claims = {name for name in node.requested if is_device(name) and name not in offered}
    holders = [
        replace(pod, counts=_without(pod.counts, by_claims))
        for pod in node.holders
        if pod.counts.keys() - by_claims
    ]
    holders += _find_holders(node.name, pools)
    return replace(
        node,
        dra=pools,
        requested=_without(node.requested, by_claims),
        holders=tuple(sorted(holders, key=lambda each: (each.namespace, each.name))),
    )


def explain_unclaimed(nodes: Iterable[Node]) -> str:
    """Return what free devices in a file mean if no claim there holds one, and what to do; else empty.

    A file without ResourceClaims looks like that of a cluster that has none.
    """
    found = [node.dra for node in nodes if node.dra is not None and node.dra.devices]
    return "" if not found or any(pools.claims for pools in found) else UNCLAIMED.format(_COMMAND)


def _without(counts: Mapping[str, int], names: Collection[str]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if name not in names}


def _find_holders(node: str, pools: NodePools) -> Iterator[PodRequest]:
    """Yield who holds devices: each pod of each claim, or the claim itself if it is reserved for no pod."""
    kinds = {device.id: name_kind(device) for device in pools.devices}
    for claim in pools.claims:
        names = [kinds[device] for device in claim.taken if device in kinds]
        for name in claim.pods or (_name_claim(claim),):
            if names:
                yield PodRequest(
                    node=node,
                    namespace=claim.namespace,
                    name=name,
                    since=claim.since,
                    counts=_count(names),
                )


def _name_claim(claim: ResourceClaim) -> str:
    return f"(ResourceClaim {claim.name})"


def _count(names: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name in names:
        found[name] = found.get(name, 0) + 1
    return found
