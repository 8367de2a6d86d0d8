"""Find the pools of devices that kube-scheduler sees for a node, in the order in which it looks at them.

The rules are those of ``GatherPools`` in Kubernetes' ``k8s.io/dynamic-resource-allocation/structured``.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING

from gfd.clusterview.dra.node_selectors import is_on_node
from gfd.tools.match.dra.pools import make_pool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.clusterview.dra.model import Allocation, Device, DeviceId, PoolId, ResourceClaim, ResourceSlice
    from gfd.labels.syntax import Labels
    from gfd.tools.match.dra.pools import NodePool


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSupply:
    """The devices that kube-scheduler sees for a node."""

    node: str = ""
    labels: Labels = field(default_factory=dict)
    """The labels of the node."""
    pools: tuple[NodePool, ...] = ()
    """The pools in the order of the scheduler, also those that are not complete."""
    taken: frozenset[DeviceId] = frozenset()
    """The devices that claims hold, and no other claim can get."""
    shares: Mapping[DeviceId, Mapping[str, Fraction]] = field(default_factory=dict)
    """The devices that claims share, with what these take of the capacity."""
    are_claims_known: bool = True
    """Whether ``taken`` and ``shares`` are known."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices of all pools that are complete."""
        return tuple(device for pool in self.pools for device in pool.devices)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why pools have no devices: a text for each."""
        return tuple(
            f"the pool {pool.id.pool} of {pool.id.driver}: {pool.problem}"
            for pool in self.pools
            if pool.problem
        )

    def hold(self, allocations: Iterable[Allocation]) -> DeviceSupply:
        """Return the supply of the node after claims hold these devices, too."""
        allocations = tuple(allocations)
        taken, shares = _count(allocations)
        taken |= self.taken
        new = (taken | shares.keys()) - self.taken - self.shares.keys()
        for device, consumed in self.shares.items():
            shares[device] = _add(consumed, shares.get(device, {}))
        pools = tuple(pool.hold(new) if pool.free else pool for pool in self.pools)
        return replace(self, pools=pools, taken=taken, shares=shares)


class ClusterSupply:
    """The ResourceSlices of all drivers in a cluster, and what claims hold, by node."""

    def __init__(self, slices: Iterable[ResourceSlice], claims: Iterable[ResourceClaim] | None) -> None:
        """None means that the claims are unknown."""
        self._by_node: dict[str, list[ResourceSlice]] = {}
        self._by_pool: dict[PoolId, list[ResourceSlice]] = {}
        for each in slices:
            self._by_node.setdefault(each.node_name, []).append(each)
            self._by_pool.setdefault(each.pool, []).append(each)
        self._are_claims_known = claims is not None
        self._taken, self._shares = _count(each for claim in claims or () for each in claim.allocations)
        self._allocated = self._taken.union(self._shares)

    def find(self, node: str, labels: Labels) -> DeviceSupply:
        """Return what the scheduler sees for a node with this name and these labels."""
        found: dict[PoolId, list[ResourceSlice]] = {}
        for each in (*self._by_node.get(node, ()), *self._by_node.get("", ())):
            if _is_relevant(each, node, labels):
                found.setdefault(each.pool, []).append(each)
        pools = []
        for pool, slices in found.items():
            generation = max(each.generation for each in slices)
            own = [each for each in slices if each.generation == generation]
            # The scheduler looks at the slices of other nodes only if those for the node are not all.
            all_slices = own if len(own) == own[0].slice_count else self._by_pool[pool]
            if any(each.generation > generation for each in all_slices):
                continue  # the driver replaces the pool, and has nothing more for the node
            all_slices = [each for each in all_slices if each.generation == generation]
            pools.append(make_pool(own, all_slices, self._allocated, node, labels))
        return DeviceSupply(
            node=node,
            labels=labels,
            pools=tuple(sorted(pools, key=lambda each: (each.has_binding_conditions, each.id))),
            taken=self._taken,
            shares=self._shares,
            are_claims_known=self._are_claims_known,
        )


def _count(
    allocations: Iterable[Allocation],
) -> tuple[frozenset[DeviceId], dict[DeviceId, Mapping[str, Fraction]]]:
    """Return the devices that are taken, and the shared ones with what is taken of them.

    Admin access takes nothing.
    """
    own = [each for each in allocations if not each.has_admin_access]
    shares: dict[DeviceId, Mapping[str, Fraction]] = {}
    for each in own:
        if each.is_share:
            shares[each.device] = _add(shares.get(each.device, {}), each.consumed)
    return frozenset(each.device for each in own if not each.is_share), shares


def _add(one: Mapping[str, Fraction], other: Mapping[str, Fraction]) -> dict[str, Fraction]:
    return {name: one.get(name, Fraction()) + other.get(name, Fraction()) for name in {**one, **other}}


def _is_relevant(each: ResourceSlice, node: str, labels: Labels) -> bool:
    """Return whether a slice is for a node: the slice as a whole, or one of its devices."""
    if each.is_per_device:
        return any(is_on_node(device, node, labels) for device in each.devices)
    return is_on_node(each, node, labels)
