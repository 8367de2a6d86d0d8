"""Random ResourceSlices of worlds: a few nodes each, with devices of several drivers, some of them taken.

The nodes of a world have the label ``world``, so that many worlds can be in one cluster.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from tests.cluster.dra import DRA
from tests.tools import make

Object = dict[str, Any]

CLAIMS = f"{DRA}/namespaces/default/resourceclaims"
GPU, NIC, PART, SHARE = "gpu.example.com", "nic.example.com", "part.example.com", "share.example.com"
MODELS = ("a", "b", "c")
VERSIONS = ("1.0.0", "1.5.2", "2.0.0-rc.1")
TAINTS = ("sick", "busy")
EFFECTS = ("NoSchedule", "NoExecute", "None")
NODES_PER_WORLD = 4


@dataclass(kw_only=True)
class World:
    """Some nodes and what they have; ``holders`` are allocated claims, ``pinned`` are those of pods."""

    name: str
    nodes: list[Object]
    slices: list[Object] = field(default_factory=list)
    holders: list[Object] = field(default_factory=list)
    pinned: list[Object] = field(default_factory=list)


def make_world(random: Random, name: str) -> World:
    names = [f"{name}-{number}" for number in range(NODES_PER_WORLD)]
    world = World(name=name, nodes=[make.node(each, {"world": name}, taints=[]) for each in names])
    maker = _SliceMaker(
        random, world, missing=random.choice((0.0, 0.0, 0.04)), faulty=random.choice((0.0, 0.3))
    )
    for node in names:
        place = {"nodeName": node}
        maker.add_pool(GPU, node, place, random.randint(2, 7))
        if random.random() < 0.5:
            maker.add_pool(NIC, node, place, random.randint(1, 3))
        if random.random() < 0.3:
            maker.add_partitions(node, place)
        if random.random() < 0.3:
            maker.add_pool(SHARE, node, place, random.randint(1, 2))
    if name == "w0":
        _SliceMaker(random, world).add_pool(NIC, "everywhere", {"allNodes": True}, 2)
    if random.random() < 0.3:
        driver = random.choice((GPU, NIC))
        maker.add_pool(driver, f"{name}-remote", _select(world), random.randint(1, 3))
    if random.random() < 0.3:
        maker.add_shared_pool(f"{name}-shared", random.sample(names, 2))
    _hold(random, world)
    return world


def _select(world: World) -> Object:
    """Return the fields for all nodes of a world."""
    terms = [{"matchExpressions": [{"key": "world", "operator": "In", "values": [world.name]}]}]
    return {"nodeSelector": {"nodeSelectorTerms": terms}}


class _SliceMaker:
    def __init__(self, random: Random, world: World, *, missing: float = 0.0, faulty: float = 0.0) -> None:
        """``missing`` is how often an attribute is missing, ``faulty`` how often a pool is not in order."""
        self._random = random
        self._world = world
        self._missing = missing
        self._faulty = faulty

    def add_pool(self, driver: str, pool: str, place: Object, count: int) -> None:
        """Add a pool in one or two slices, and perhaps a fault."""
        devices = [self._make_device(driver, f"d{number}") for number in range(count)]
        if self._random.random() < 0.06:
            for each in devices:
                each |= {"bindingConditions": ["ready"], "bindingFailureConditions": ["broken"]}
        if self._random.random() < 0.4:
            middle = self._random.randint(0, count)
            parts = [devices[:middle], devices[middle:]]
        else:
            parts = [devices]
        slices = [self._make_slice(driver, pool, place, each, len(parts)) for each in parts]
        if self._random.random() < self._faulty:
            self._spoil(slices)
        for each in slices:
            self._add(each)

    def _spoil(self, slices: list[Object]) -> None:
        """Make the slices of a pool old, not complete, or invalid."""
        first = slices[0]["spec"]
        pool, devices = first["pool"], first["devices"][:1]
        fault = self._random.choice(("old", "gone", "twice", "new"))
        if fault == "old":
            old = copy.deepcopy(slices[0])
            old["spec"] |= {"pool": {**pool, "generation": 0, "resourceSliceCount": 1}, "devices": devices}
            self._add(old)
        elif fault == "gone":
            for each in slices:
                each["spec"]["pool"]["resourceSliceCount"] += 1
        elif fault == "twice":
            slices[-1]["spec"]["devices"] += copy.deepcopy(devices if len(slices) == 2 else [])
        else:
            # The driver has begun to replace the pool, with devices for another node.
            new = {"driver": first["driver"], "nodeName": "away", "devices": devices}
            new["pool"] = {**pool, "generation": 2, "resourceSliceCount": 3}
            self._add({"metadata": {}, "spec": new})
            more = self._random.choice((0, 1))
            for each in slices:
                each["spec"]["pool"]["resourceSliceCount"] += more

    def add_shared_pool(self, pool: str, nodes: list[str]) -> None:
        """Add a pool whose devices say themselves on which node they are."""
        places = [*({"nodeName": node} for node in nodes), _select(self._world)]
        devices = [
            self._make_device(GPU, f"d{number}") | self._random.choice(places[: 2 + number % 2])
            for number in range(4)
        ]
        spec = {"perDeviceNodeSelection": True}
        self._add(self._make_slice(GPU, pool, spec, devices, 1))

    def add_partitions(self, node: str, place: Object) -> None:
        """Add two devices in parts: wholes, halves and quarters that share counters."""
        sets, devices = [], []
        for number in range(2):
            name = f"set-{number}"
            sets.append({"name": name, "counters": {"parts": {"value": "4"}, "engines": {"value": "3"}}})
            for kind, size, copies in (("whole", 4, 1), ("half", 2, 2), ("quarter", 1, 4)):
                for place_number in range(copies):
                    device = self._make_device(PART, f"{kind}-{number}-{place_number}")
                    device["attributes"]["kind"] = {"string": kind}
                    counters = {"parts": {"value": str(size)}, "engines": {"value": "1"}}
                    device["consumesCounters"] = [{"counterSet": name, "counters": counters}]
                    devices.append(device)
        if self._random.random() < self._faulty:
            devices[0]["consumesCounters"][0]["counterSet"] = "nowhere"
        self._random.shuffle(devices)
        spec = {**place, "sharedCounters": sets}
        self._add(self._make_slice(PART, node, spec, None, 2))
        self._add(self._make_slice(PART, node, place, devices, 2))

    def _make_device(self, driver: str, name: str) -> Object:
        random = self._random
        attributes = {
            "model": {"string": random.choice(MODELS)},
            "numa": {"int": random.randint(0, 1)},
            "fast": {"bool": random.random() < 0.6},
            "release": {"version": random.choice(VERSIONS)},
            "mark": random.choice(_MARKS),
            "common.example.com/root": {"string": random.choice(("r0", "r1"))},
        }
        if random.random() < 0.3:
            attributes[f"{driver}/numa"] = attributes.pop("numa")
        attributes = {key: value for key, value in attributes.items() if random.random() >= self._missing}
        device: Object = {"name": name, "attributes": attributes}
        capacity = {"memory": {"value": random.choice(("16Gi", "40Gi", "80Gi"))}}
        if driver == SHARE:
            device["allowMultipleAllocations"] = True
            capacity["memory"] |= random.choice(_POLICIES)
            if random.random() < 0.3:
                capacity[f"{driver}/lanes"] = {"value": "4"}
        if random.random() >= self._missing:
            device["capacity"] = capacity
        if random.random() < 0.15:
            kind = {"key": random.choice(TAINTS), "effect": random.choice(EFFECTS)}
            device["taints"] = [kind | random.choice(({}, {"value": "x"}))]
        return device

    def _make_slice(
        self,
        driver: str,
        pool: str,
        place: Object,
        devices: list[Object] | None,
        count: int,
    ) -> Object:
        spec = {
            "driver": driver,
            "pool": {"name": pool, "generation": 1, "resourceSliceCount": count},
            **place,
        }
        return {"metadata": {}, "spec": spec if devices is None else {**spec, "devices": devices}}

    def _add(self, each: Object) -> None:
        """Give a slice a name that does not follow the order of the devices, and add it."""
        number = len(self._world.slices)
        each["metadata"]["name"] = f"{self._random.choice('abcdef')}-{self._world.name}-{number}"
        self._world.slices.append(each)


_MARKS: tuple[Object, ...] = ({"int": 1}, {"bool": True}, {"string": "1.0.0"}, {"version": "1.0.0"})
"""Values that look equal, but are of different types."""
_POLICIES: tuple[Object, ...] = (
    {},
    {"requestPolicy": {"default": "1Gi", "validRange": {"min": "1Gi", "step": "1Gi"}}},
    {"requestPolicy": {"default": "8Gi", "validRange": {"min": "4Gi", "max": "16Gi", "step": "4Gi"}}},
    {"requestPolicy": {"default": "2Gi", "validValues": ["2Gi", "4Gi", "10Gi"]}},
)


def _hold(random: Random, world: World) -> None:
    """Let claims hold some of the devices."""
    devices = {
        (each["spec"]["driver"], each["spec"]["pool"]["name"], device["name"]): each["spec"].get(
            "nodeName", ""
        )
        for each in world.slices
        for device in each["spec"].get("devices", ())
    }
    results: list[Object] = []
    for (driver, pool, name), node in devices.items():
        found = {"request": "r", "driver": driver, "pool": pool, "device": name}
        chance = random.random()
        if driver == SHARE:
            for _ in range(random.choice((0, 0, 1, 2))):
                share = {"shareID": str(UUID(int=random.getrandbits(128), version=4))}
                taken = {"consumedCapacity": {"memory": random.choice(("1Gi", "4Gi", "10Gi"))}}
                results.append(found | share | (taken if random.random() < 0.9 else {}))
        elif chance < 0.04 and node:
            world.pinned.append(_allocate(f"pinned-{world.name}-{len(world.pinned)}", [found], node))
        elif chance < 0.22:
            results.append(found)
        elif chance < 0.25:
            results.append(found | {"request": "admin", "adminAccess": True})
    for start in range(0, len(results), 30):
        world.holders.append(_allocate(f"holder-{world.name}-{start}", results[start : start + 30], ""))


def _allocate(name: str, results: list[Object], node: str) -> Object:
    """Return a claim that holds devices, on one node or on all."""
    requests = [
        {"name": "r", "exactly": {"deviceClassName": "any", "allocationMode": "All"}},
        {
            "name": "admin",
            "exactly": {"deviceClassName": "any", "allocationMode": "All", "adminAccess": True},
        },
    ]
    allocation: Object = {"devices": {"results": results}}
    if node:
        fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
        allocation["nodeSelector"] = {"nodeSelectorTerms": [{"matchFields": fields}]}
    return {
        "metadata": {"name": name},
        "spec": {"devices": {"requests": requests}},
        # A claim that no pod uses may lose its devices when a pod with it fits nowhere.
        "status": {"allocation": allocation, "reservedFor": [{"resource": "pods", "name": "x", "uid": "x"}]},
    }
