"""Pools count by their highest generation, if complete; claims take devices; both may change."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.device_counts import DeviceCount, count_devices, count_gpus, count_taints, is_dra
from gfd.clusterview.dra.index import DraIndex, NodePools, index_objects
from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
from gfd.clusterview.dra.pools import build_pools
from gfd.clusterview.dra.slices import read_slice
from gfd.kube.paths import DRA_DRIVER
from tests.clusterview.dra.objects import (
    Object,
    make_claim,
    make_gpu,
    make_mig,
    make_partitionable,
    make_slice,
)


def find(slices: Sequence[Object], claims: Sequence[Object] | None = (), node: str = "n") -> NodePools:
    read = None if claims is None else map(read_claim, claims)
    found = index_objects(DRA_DRIVER, map(read_slice, slices), read).find(node)
    assert found is not None
    return found


def count(slices: Sequence[Object], claims: Sequence[Object] | None = ()) -> dict[str, DeviceCount]:
    return count_devices(find(slices, claims))


def names(pools: NodePools) -> list[str]:
    return [device.id.device for device in pools.devices]


def test_only_the_highest_generation_counts() -> None:
    old, new = make_slice("n", make_gpu(0), make_gpu(1)), make_slice("n", make_gpu(2), generation=10)
    assert names(find([old, new])) == ["gpu-2"]


@pytest.mark.parametrize(
    ("slices", "problem"),
    [
        (
            [make_slice("n", make_gpu(0), count=2)],
            "1 of 2 ResourceSlices of generation 1 are there",
        ),
        (
            # Complete, but replaced by a generation that is only half there.
            [make_slice("n", make_gpu(0)), make_slice("n", make_gpu(0), generation=2, count=3)],
            "1 of 3 ResourceSlices of generation 2 are there",
        ),
        (
            [make_slice("n", make_gpu(0), name="a"), make_slice("n", make_gpu(1), name="b")],
            "2 of 1 ResourceSlices of generation 1 are there",
        ),
        (
            [make_slice("n", name="a", count=1), make_slice("n", name="b", count=2)],
            "its ResourceSlices of generation 1 disagree on how many there are: 1 and 2",
        ),
        (
            [
                make_slice("n", make_gpu(0), name="a", count=2),
                make_slice("n", make_gpu(0), name="b", count=2),
            ],
            "two of its devices are named gpu-0",
        ),
    ],
)
def test_pools_that_the_scheduler_does_not_take(slices: list[Object], problem: str) -> None:
    found = find(slices)
    assert found.devices == ()
    assert found.problems == (f"the pool n of gpu.nvidia.com is not complete: {problem}",)
    assert count_devices(found) == {}


def test_other_drivers_and_other_nodes_do_not_count() -> None:
    other = make_slice("n", {"name": "nic"}, driver="nic.example.com")
    index = index_objects(DRA_DRIVER, map(read_slice, [other, make_slice("m", make_gpu(0))]), ())
    assert index.find("n") is None
    assert index.find("") is None
    assert names(find([other, make_slice("m", make_gpu(0))], node="m")) == ["gpu-0"]
    assert [pool.id.driver for pool in build_pools(map(read_slice, [other, make_slice("n")]))] == [
        DRA_DRIVER,
        "nic.example.com",
    ]
    assert not index_objects(DRA_DRIVER, [read_slice(other)], ())


def test_devices_that_claims_hold() -> None:
    slices = [make_slice("n", *(make_gpu(each) for each in range(4)))]
    claims = [
        make_claim("a", "n", "gpu-0", "gpu-1"),
        make_claim("b", "n", "gpu-2", adminAccess=True),
        make_claim("c", "m", "gpu-3"),
        make_claim("d", "n", "gpu-3", driver="nic.example.com"),
    ]
    assert count(slices, claims) == {DRA_DRIVER: DeviceCount(total=4, allocated=2, blocked=0, free=2)}
    unknown = count(slices, None)[DRA_DRIVER]
    assert (unknown.allocated, unknown.free, unknown.offered) == (None, None, 4)


def test_tainted_devices_are_not_free() -> None:
    taint = {"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"}
    note = {"key": "gpu.nvidia.com/unmonitored", "effect": "None"}
    slices = [
        make_slice(
            "n", make_gpu(0, taints=[taint]), make_gpu(1, taints=[taint, note]), make_gpu(2, taints=[note])
        )
    ]
    claims = [make_claim("a", "n", "gpu-1")]
    (found,) = count(slices, claims).values()
    # The taint came while a pod already used the second GPU.
    assert found == DeviceCount(total=3, allocated=1, blocked=2, free=1)
    assert found.offered == 2
    assert count_taints(find(slices)) == {
        "gpu.nvidia.com/unmonitored:None": 2,
        "gpu.nvidia.com/xid=79:NoSchedule": 2,
    }


def test_kinds_of_devices() -> None:
    vfio = make_gpu(3)
    vfio["name"], vfio["attributes"]["type"] = "gpu-vfio-3", {"string": "vfio"}
    odd = make_gpu(4)
    del odd["attributes"]["type"]
    devices = (make_gpu(0), make_mig(1, "1g.10gb", 0), make_mig(1, "1g.10gb", 1), vfio, odd)
    found = count([make_slice("n", *devices)])
    assert {kind: each.total for kind, each in found.items()} == {
        "gpu.nvidia.com": 1,
        "gpu.nvidia.com/unknown": 1,
        "mig.nvidia.com/1g.10gb": 2,
        "vfio.gpu.nvidia.com": 1,
    }
    assert all(map(is_dra, found))
    assert not any(map(is_dra, ("nvidia.com/gpu", "nvidia.com/mig-1g.10gb", "cpu")))
    assert count_gpus(find([make_slice("n", *devices)]).devices) == 4


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ((), {"gpu.nvidia.com": 1, "mig.nvidia.com/1g.10gb": 7, "mig.nvidia.com/3g.40gb": 2}),
        (
            ("gpu-0-mig-1g10gb-19-1",),
            {"gpu.nvidia.com": 0, "mig.nvidia.com/1g.10gb": 6, "mig.nvidia.com/3g.40gb": 1},
        ),
        (
            ("gpu-0-mig-3g40gb-19-0",),
            {"gpu.nvidia.com": 0, "mig.nvidia.com/1g.10gb": 3, "mig.nvidia.com/3g.40gb": 1},
        ),
        (("gpu-0",), {"gpu.nvidia.com": 0, "mig.nvidia.com/1g.10gb": 0, "mig.nvidia.com/3g.40gb": 0}),
    ],
)
def test_devices_that_share_counters(taken: tuple[str, ...], free: dict[str, int]) -> None:
    slices = make_partitionable("n")
    found = count(slices, [make_claim("a", "n", *taken)])
    assert {kind: each.free for kind, each in found.items()} == free
    assert [each.total for each in found.values()] == [1, 7, 2]
    assert all(each.is_partition for each in found.values())
    assert count_gpus(find(slices).devices) == 1


def test_changes_give_the_same_answer_as_reading_everything_again() -> None:
    chance = random.Random(7)
    index = DraIndex(DRA_DRIVER)
    slices: dict[str, ResourceSlice] = {}
    claims: dict[str, ResourceClaim] = {}
    nodes = ("a", "b", "c")

    def change_slice(key: str) -> set[str]:
        slices.pop(key, None)
        if chance.random() < 0.8:
            gpus = (make_gpu(each) for each in range(chance.randrange(3)))
            spec = {"generation": chance.randrange(3), "count": chance.randrange(1, 3)}
            driver = chance.choice((DRA_DRIVER, "nic.example.com"))
            slices[key] = read_slice(make_slice(chance.choice(nodes), *gpus, **spec, name=key, driver=driver))
        return index.change_slice(key, slices.get(key))

    def change_claim(key: str) -> set[str]:
        claims.pop(key, None)
        if chance.random() < 0.8:
            claims[key] = read_claim(make_claim(key, chance.choice(nodes), "gpu-0"))
        return index.change_claim(key, claims.get(key))

    for _ in range(400):
        before = {each: index.find(each) for each in nodes}
        changed = chance.choice((change_slice, change_claim))(str(chance.randrange(6)))
        fresh = DraIndex(DRA_DRIVER)
        fresh.replace_slices(slices)
        fresh.replace_claims(claims)
        for each in nodes:
            assert index.find(each) == fresh.find(each)
            assert each in changed or index.find(each) == before[each]
    assert index
    assert index.replace_slices({}) | index.replace_claims({}) <= set(nodes)
    assert not index
