"""Random amounts of resources: what nodes have, and what containers and pods ask for."""

from __future__ import annotations

from random import Random
from typing import Any

Object = dict[str, Any]

DEVICES = (
    "nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "nvidia.com/gpu.shared", "amd.com/gpu", "rdma/hca",
    "vpc.amazonaws.com/efa",
)  # fmt: skip
HUGE = "hugepages-2Mi"
OFFERED: dict[str, tuple[str, ...]] = {
    "cpu": ("3500m", "8", "16", "32"),
    "memory": ("5Gi", "10000Mi", "20G", "64Gi"),
    "ephemeral-storage": ("1Gi", "20Gi", "100Gi"),
    "pods": ("2", "5", "500", "500"),
}
ASKED: dict[str, tuple[Any, ...]] = {
    "cpu": ("100m", "0.25", 1, "1500m", "0.0001", "1e0"),
    "memory": ("64Mi", "1Gi", "1500M", "2147483648", "100.5Mi", "0.5"),
    "ephemeral-storage": ("10Mi", "1Gi", "5G", "1500m"),
}
"""Some are not whole thousandths, some not whole bytes."""
WHOLE_POD: dict[str, tuple[str, ...]] = {"cpu": ("7", "8"), "memory": ("9Gi", "12G"), HUGE: ("64Mi",)}
"""More than the containers of a pod ever ask for together."""
RUNTIME_CLASSES: dict[str, Object] = {
    "heavy": {"overhead": {"podFixed": {"cpu": "750m", "memory": "1200Mi"}}},
    "placed": {
        "scheduling": {
            "nodeSelector": {"runtime": "kata"},
            "tolerations": [{"key": "team", "operator": "Exists", "effect": "NoSchedule"}],
        }
    },
    "plain": {},
}


def offer(random: Random) -> Object:
    """Return the allocatable resources of a node."""
    amounts = {name: random.choice(values) for name, values in OFFERED.items()}
    if random.random() < 0.6:
        amounts[HUGE] = random.choice(("0", "8Mi", "64Mi"))
    devices = {each: str(random.choice((0, 1, 2, 7))) for each in DEVICES if random.random() < 0.7}
    return {**amounts, **devices}


def ask(random: Random) -> Object:
    """Return the resources of a container."""
    limits: Object = {}
    requests: Object = {}
    for name, values in ASKED.items():
        chance = random.random()
        if chance < 0.2:
            limits[name] = random.choice(values)
        elif chance < 0.4:
            requests[name] = random.choice(values)
        elif chance < 0.45:
            requests[name] = limits[name] = random.choice(values)
    if random.random() < 0.1 and {"cpu", "memory"} & {*limits, *requests}:
        limits[HUGE] = random.choice(("2Mi", "8Mi"))
    if random.random() < 0.4:
        device = random.choice(DEVICES)
        limits[device] = random.choice((0, 1, 1, 2, 3, "2", "1000m"))
        if random.random() < 0.3:
            requests[device] = limits[device]
    return {"limits": limits, "requests": requests}


def ask_as_a_whole(random: Random) -> Object:
    """Return the resources of a pod itself."""
    found: Object = {"limits": {}, "requests": {}}
    for name in random.sample(sorted(WHOLE_POD), random.choice((1, 1, 2, 3))):
        amount = random.choice(WHOLE_POD[name])
        kinds = ("limits",) if name == HUGE else random.choice((("limits",), ("requests",), tuple(found)))
        for kind in kinds:
            found[kind][name] = amount
    if HUGE in found["limits"] and not {"cpu", "memory"} & {*found["limits"], *found["requests"]}:
        found["requests"]["cpu"] = "7"
    return found


def make_members(random: Random) -> Object:
    """Return the members of a PodSpec that change what the pod as a whole asks for."""
    found: Object = {}
    if random.random() < 0.15:
        found["runtimeClassName"] = random.choice(sorted(RUNTIME_CLASSES))
    if random.random() < 0.15:
        found["resources"] = ask_as_a_whole(random)
    return found
