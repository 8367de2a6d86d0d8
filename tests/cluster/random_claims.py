"""Random claims of pods for the devices of :mod:`.random_slices`."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.cluster.random_slices import GPU, MODELS, NIC, PART, SHARE, TAINTS, World

Object = dict[str, Any]

DRIVERS = {"gpu": GPU, "nic": NIC, "part": PART, "share": SHARE}
CLASSES: dict[str, list[str]] = {
    "any": [],
    **{name: [f"device.driver == '{driver}'"] for name, driver in DRIVERS.items()},
    "fast": [f"device.driver == '{GPU}'", f"device.attributes['{GPU}'].fast"],
}
"""The selectors of each DeviceClass."""
USUAL = ("gpu",) * 8 + ("nic",) * 3 + ("part",) * 3 + ("share",) * 3 + ("fast", "any")


def make_pod(random: Random, name: str, world: World) -> tuple[Object, list[Object]]:
    """Return a pod for the nodes of a world, and its claims that hold nothing yet."""
    claims = [
        make_claim(random, f"{name}-{number}") for number in range(random.choice((1, 1, 1, 1, 2, 2, 3)))
    ]
    names = [each["metadata"]["name"] for each in claims]
    if world.pinned and random.random() < 0.1:
        names.insert(random.randint(0, len(names)), random.choice(world.pinned)["metadata"]["name"])
    entries = [{"name": f"c{number}", "resourceClaimName": each} for number, each in enumerate(names)]
    container: Object = {
        "name": "main",
        "image": "none",
        "resources": {"claims": [{"name": each["name"]} for each in entries]},
    }
    spec: Object = {
        "nodeSelector": {"world": world.name},
        "containers": [container],
        "resourceClaims": entries,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}, claims


def make_claim(random: Random, name: str) -> Object:
    requests: list[Object] = []
    names: list[str] = []
    for number in range(random.choice((1, 1, 1, 1, 2, 2, 3))):
        own = f"r{number}"
        if random.random() < 0.2:
            alternatives = [
                {"name": f"s{each}", **_make_request(random)} for each in range(random.randint(1, 3))
            ]
            requests.append({"name": own, "firstAvailable": alternatives})
            names += [own, *(f"{own}/s{each}" for each in range(len(alternatives)))]
        else:
            exactly = _make_request(random)
            if random.random() < 0.12:
                exactly["adminAccess"] = True
            requests.append({"name": own, "exactly": exactly})
            names.append(own)
    constraints = []
    while random.random() < 0.25:
        kind = random.choice(("matchAttribute", "matchAttribute", "distinctAttribute"))
        constraint: Object = {kind: random.choice(_ATTRIBUTES)}
        if random.random() < 0.6:
            constraint["requests"] = random.sample(names, random.randint(1, len(names)))
        constraints.append(constraint)
    spec = {"devices": {"requests": requests, "constraints": constraints}}
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name},
        "spec": spec,
    }


_ROOT = "common.example.com/root"
_ATTRIBUTES = (f"{GPU}/numa", f"{GPU}/model", f"{GPU}/mark", _ROOT, _ROOT, f"{PART}/fast")


def _make_request(random: Random) -> Object:
    name = random.choice(USUAL)
    request: Object = {"deviceClassName": name}
    if random.random() < 0.12:
        request["allocationMode"] = "All"
    else:
        request["count"] = random.choice((1, 1, 1, 1, 2, 2, 3))
    driver = DRIVERS.get(name, GPU)
    expressions = random.choices(_list_expressions(random, driver), k=random.choice((0, 1, 1, 2)))
    request["selectors"] = [{"cel": {"expression": each}} for each in expressions]
    if random.random() < 0.3:
        request["tolerations"] = [_make_toleration(random)]
    if random.random() < (0.6 if name == "share" else 0.04):
        capacity = {"memory": random.choice(("512Mi", "1Gi", "3Gi", "9Gi", "12Gi", "39Gi", "1500Mi"))}
        if random.random() < 0.15:
            capacity = {random.choice((f"{driver}/memory", f"{driver}/lanes", "lanes")): "2"}
        request["capacity"] = {"requests": capacity}
    return request


def _list_expressions(random: Random, driver: str) -> list[str]:
    own = f"device.attributes['{driver}']"
    memory = f"device.capacity['{driver}'].memory"
    model = random.choice(MODELS)
    expressions = [
        f"{own}.model == '{model}'",
        f"{own}.model != '{model}'",
        f"{own}.numa == 0",
        f"{own}.fast",
        f"!has({own}.model) || {own}.model in ['a', '{model}']",
        f"has({memory}) && {memory}.compareTo(quantity('40Gi')) >= 0",
        f"{memory}.compareTo(quantity('20Gi')) > 0",
        f"{own}.release.compareTo(semver('1.5.0')) >= 0",
    ]
    return [*expressions, f"{own}.kind != 'whole'"] if driver == PART else expressions


def _make_toleration(random: Random) -> Object:
    if random.random() < 0.4:
        return {"operator": "Exists"}
    toleration: Object = {"key": random.choice(TAINTS)}
    toleration |= random.choice(({"operator": "Exists"}, {"operator": "Equal", "value": "x"}, {}))
    return toleration | random.choice(({}, {"effect": "NoSchedule"}))
