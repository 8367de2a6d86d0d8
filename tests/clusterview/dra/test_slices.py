"""ResourceSlices and ResourceClaims are read whole, and what is malformed is named."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.model import (
    Allocation,
    CounterConsumption,
    Device,
    DeviceId,
    DeviceTaint,
    PoolId,
    ResourceClaim,
    ResourceSlice,
    Version,
)
from gfd.clusterview.dra.slices import read_slice
from tests.clusterview.dra.objects import make_claim, make_gpu, make_slice


def test_every_field_of_a_slice() -> None:
    device = {
        "name": "gpu-0",
        "attributes": {
            "uuid": {"string": "GPU-1"},
            "driverVersion": {"version": "580.95.5"},
            "resource.kubernetes.io/numaNode": {"int": 1},
            "iommuFDEnabled": {"bool": False},
            "example.com/links": {"strings": ["a", "b"]},
            "ints": {"ints": [1, 2]},
            "versions": {"versions": ["1.0.0"]},
        },
        "capacity": {"memory": {"value": "80Gi"}, "shares": {"value": 4}},
        "taints": [
            {"key": "gpu.nvidia.com/xid", "value": "79", "effect": "NoSchedule"},
            {"key": "gpu.nvidia.com/unmonitored", "effect": "None"},
        ],
        "consumesCounters": [{"counterSet": "set", "counters": {"memory": {"value": "10Gi"}}}],
        "allowMultipleAllocations": True,
        "bindingConditions": ["attached"],
    }
    counters = [{"name": "set", "counters": {"memory": {"value": "80Gi"}}}]
    found = read_slice(make_slice("n", device, generation=3, count=2, sharedCounters=counters))
    assert found == ResourceSlice(
        name="n-gpu.nvidia.com-3",
        pool=PoolId("gpu.nvidia.com", "n"),
        generation=3,
        slice_count=2,
        node_name="n",
        devices=(
            Device(
                id=DeviceId("gpu.nvidia.com", "n", "gpu-0"),
                attributes={
                    "gpu.nvidia.com/uuid": "GPU-1",
                    "gpu.nvidia.com/driverVersion": Version(text="580.95.5"),
                    "resource.kubernetes.io/numaNode": 1,
                    "gpu.nvidia.com/iommuFDEnabled": False,
                    "example.com/links": ("a", "b"),
                    "gpu.nvidia.com/ints": (1, 2),
                    "gpu.nvidia.com/versions": (Version(text="1.0.0"),),
                },
                capacity={"gpu.nvidia.com/memory": Fraction(80 << 30), "gpu.nvidia.com/shares": Fraction(4)},
                taints=(
                    DeviceTaint(key="gpu.nvidia.com/xid", value="79", effect="NoSchedule"),
                    DeviceTaint(key="gpu.nvidia.com/unmonitored", effect="None"),
                ),
                consumes=(CounterConsumption(counter_set="set", counters={"memory": Fraction(10 << 30)}),),
                is_shareable=True,
                node_name="n",
                binding_conditions=("attached",),
            ),
        ),
        counter_sets={"set": {"memory": Fraction(80 << 30)}},
    )
    (device_found,) = found.devices
    assert device_found.is_blocked
    assert list(map(str, device_found.taints)) == [
        "gpu.nvidia.com/xid=79:NoSchedule",
        "gpu.nvidia.com/unmonitored:None",
    ]


def test_devices_can_say_where_they_are() -> None:
    here = {"name": "a", "nodeName": "other"}
    everywhere = {"name": "b", "allNodes": True}
    chosen = {"name": "c", "nodeSelector": {"nodeSelectorTerms": []}}
    item = make_slice("p", here, everywhere, chosen, nodeName=None, perDeviceNodeSelection=True)
    first, second, third = read_slice(item).devices
    assert (first.node_name, second.is_on_all_nodes, third.node_selector) == (
        "other",
        True,
        {"nodeSelectorTerms": []},
    )
    (common,) = read_slice(make_slice("n", here)).devices
    assert common.node_name == "n"


def without(path: str) -> dict[str, Any]:
    item = make_slice("n", make_gpu(0))
    *parents, last = path.split(".")
    found = item
    for name in parents:
        found = found[name]
    del found[last]
    return item


OLD = (
    "has the apiVersion resource.k8s.io/{version}; gfd reads resource.k8s.io/v1, which "
    "kubectl get {resource}.v1.resource.k8s.io -A -o json prints"
)

BAD_QUANTITY = (
    "has a capacity memory of the device gpu-0 that is not a quantity: 'many'; write one like 1, 500m or 40Gi"
)
BAD_ATTRIBUTE = (
    "has an attribute uuid of the device gpu-0 that is no string, int, bool or version, and no list of these"
)


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        *(
            (
                make_slice("n") | {"apiVersion": f"resource.k8s.io/{version}"},
                OLD.format(version=version, resource="resourceslices"),
            )
            for version in ("v1alpha3", "v1beta1", "v1beta2")
        ),
        (without("spec.driver"), "has an entry without driver"),
        (without("spec.pool.name"), "has an entry without pool.name"),
        (without("spec.pool.resourceSliceCount"), "has no spec.pool.resourceSliceCount above 0"),
        (make_slice("n", {"attributes": {}}), "has an entry without name"),
        (make_slice("n", devices={}), "has a field devices that is not a list"),
        (
            make_slice("n", make_gpu(0, capacity={"memory": {"value": "many"}})),
            BAD_QUANTITY,
        ),
        *(
            (
                make_slice("n", make_gpu(0, attributes={"uuid": value})),
                BAD_ATTRIBUTE,
            )
            for value in ({}, {"string": 1}, {"int": True}, {"int": 1, "bool": True}, "GPU-1", {"ints": "1"})
        ),
        (make_slice("n", make_gpu(0, taints=[{"key": "a"}])), "has an entry without effect"),
    ],
)
def test_malformed_slices(item: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=r"^has ") as caught:
        read_slice(item)
    assert str(caught.value) == reason


def test_what_a_claim_holds() -> None:
    item = make_claim("c", "n", "gpu-0", pods=("p", "q"))
    item["status"]["reservedFor"].append({"resource": "pods", "apiGroup": "example.com", "name": "r"})
    item["status"]["allocation"]["devices"]["results"].append(
        {"request": "m", "driver": "gpu.nvidia.com", "pool": "n", "device": "gpu-1", "adminAccess": True}
    )
    taken, seen = (DeviceId("gpu.nvidia.com", "n", name) for name in ("gpu-0", "gpu-1"))
    found = read_claim(item)
    assert found == ResourceClaim(
        namespace="team",
        name="c",
        allocations=(
            Allocation(device=taken, request="gpu"),
            Allocation(device=seen, request="m", has_admin_access=True),
        ),
        pods=("p", "q"),
        since=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert found.taken == (taken,)
    item["status"]["allocation"]["allocationTimestamp"] = "2026-02-02T03:04:05Z"
    assert read_claim(item).since == datetime(2026, 2, 2, 3, 4, 5, tzinfo=UTC)
    del item["status"]
    assert read_claim(item).allocations == ()


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        (
            make_claim("c", "n") | {"apiVersion": "resource.k8s.io/v1beta1"},
            OLD.format(version="v1beta1", resource="resourceclaims"),
        ),
        (
            make_claim("c", "", "gpu-0"),
            "has an entry of status.allocation.devices.results without driver, pool or device",
        ),
    ],
)
def test_malformed_claims(item: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=r"^has ") as caught:
        read_claim(item)
    assert str(caught.value) == reason
