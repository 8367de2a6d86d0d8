"""Find the devices of a node in ResourceSlices, and who holds them, also while both change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from gfd.clusterview.dra.model import PoolId
from gfd.clusterview.dra.pools import build_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from gfd.clusterview.dra.model import Device, DeviceId, Pool, ResourceClaim, ResourceSlice

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePools:
    """The pools of one driver with devices of one node, and the claims that hold them."""

    pools: tuple[Pool, ...]
    claims: tuple[ResourceClaim, ...] = ()
    """The claims that hold devices of these pools, sorted by name; empty if unknown."""
    is_counted: bool = True
    """Whether the claims are known."""

    @property
    def devices(self) -> tuple[Device, ...]:
        """The devices of all pools that are complete."""
        return tuple(device for pool in self.pools for device in pool.devices)

    @property
    def taken(self) -> frozenset[DeviceId]:
        """The devices that claims hold; those with admin access are not taken."""
        return frozenset(device for claim in self.claims for device in claim.taken)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why pools have no devices: a sentence for each."""
        return tuple(
            f"the pool {pool.id.pool} of {pool.id.driver} is not complete: {pool.problem}"
            for pool in self.pools
            if pool.problem
        )


class DraIndex:
    """ResourceSlices of a driver by node, and the claims that hold their devices.

    Slices that name no node are not in the answers. Only one thread may use it.
    """

    is_counted = True
    """Whether the claims are known."""

    def __init__(self, driver: str) -> None:
        """``driver`` is the only driver whose slices count."""
        self._driver = driver
        self._slices: dict[str, ResourceSlice] = {}
        self._by_pool: dict[PoolId, dict[str, ResourceSlice]] = {}
        self._pools_by_node: dict[str, dict[PoolId, int]] = {}
        self._claims: dict[str, ResourceClaim] = {}
        self._claims_by_pool: dict[PoolId, dict[str, ResourceClaim]] = {}

    def __bool__(self) -> bool:
        """Return whether there is a slice of the driver."""
        return bool(self._slices)

    def replace_slices(self, slices: Mapping[str, ResourceSlice]) -> set[str]:
        """Replace all slices, by a key of each; return the nodes that may have changed."""
        return _replace_all(self._slices, slices, self.change_slice)

    def change_slice(self, key: str, new: ResourceSlice | None) -> set[str]:
        """Replace a slice; None deletes it. Return the nodes that may have changed."""
        changed = set()
        former = self._slices.pop(key, None)
        if former is not None:
            changed |= self._find_nodes(former.pool)
            del self._by_pool[former.pool][key]
            counts = self._pools_by_node[former.node_name]
            counts[former.pool] -= 1
            if not counts[former.pool]:
                del counts[former.pool]
        if new is not None and new.pool.driver == self._driver:
            self._slices[key] = new
            self._by_pool.setdefault(new.pool, {})[key] = new
            counts = self._pools_by_node.setdefault(new.node_name, {})
            counts[new.pool] = counts.get(new.pool, 0) + 1
            changed |= self._find_nodes(new.pool)
        return changed

    def replace_claims(self, claims: Mapping[str, ResourceClaim]) -> set[str]:
        """Replace all claims, by a key of each; return the nodes that may have changed."""
        return _replace_all(self._claims, claims, self.change_claim)

    def change_claim(self, key: str, new: ResourceClaim | None) -> set[str]:
        """Replace a claim; None deletes it. Return the nodes that may have changed."""
        changed = set()
        former = self._claims.pop(key, None)
        for pool in _find_pools(former):
            del self._claims_by_pool[pool][key]
            changed |= self._find_nodes(pool)
        # Keep only these: most claims may be for devices of other drivers.
        pools = {pool for pool in _find_pools(new) if pool.driver == self._driver}
        if new is not None and pools:
            self._claims[key] = new
            for pool in pools:
                self._claims_by_pool.setdefault(pool, {})[key] = new
                changed |= self._find_nodes(pool)
        return changed

    def find(self, node: str) -> NodePools | None:
        """Return the pools of a node; None if no slice names it."""
        keys = sorted(self._pools_by_node.get(node, ())) if node else []
        if not keys:
            return None
        claims = {key: each for pool in keys for key, each in self._claims_by_pool.get(pool, {}).items()}
        return NodePools(
            pools=tuple(build_pool(tuple(self._by_pool[pool].values())) for pool in keys),
            claims=tuple(sorted(claims.values(), key=lambda each: (each.namespace, each.name))),
            is_counted=self.is_counted,
        )

    def _find_nodes(self, pool: PoolId) -> set[str]:
        return {each.node_name for each in self._by_pool.get(pool, {}).values()}


def index_objects(
    driver: str, slices: Iterable[ResourceSlice], claims: Iterable[ResourceClaim] | None
) -> DraIndex:
    """Return the index of these slices and claims; None means unknown claims."""
    index = DraIndex(driver)
    index.replace_slices({str(number): each for number, each in enumerate(slices)})
    index.is_counted = claims is not None
    index.replace_claims({str(number): each for number, each in enumerate(claims or ())})
    return index


def _replace_all(
    known: Mapping[str, T], new: Mapping[str, T], change: Callable[[str, T | None], set[str]]
) -> set[str]:
    """Change each object that is gone or new; return the nodes that may have changed."""
    changed = set()
    for key in known.keys() - new.keys():
        changed |= change(key, None)
    for key, each in new.items():
        changed |= change(key, each)
    return changed


def _find_pools(claim: ResourceClaim | None) -> set[PoolId]:
    """Return the pools of which a claim holds devices."""
    return {PoolId(each.device.driver, each.device.pool) for each in claim.allocations} if claim else set()
