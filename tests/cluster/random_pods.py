"""Random nodes and pods; they have few different values, so that pods often fit."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any

from tests.cluster import random_resources

Object = dict[str, Any]

PRODUCTS = (
    "A100-PCIE-40GB-MIG-1g.5gb",
    "NVIDIA-A100-PCIE-40GB-MIG-1g.5gb",
    "NVIDIA-H100-80GB-HBM3",
    "Tesla-T4",
)
LABELS: dict[str, tuple[str, ...]] = {
    "nvidia.com/gpu.product": PRODUCTS,
    "nvidia.com/gpu.memory": ("4864", "15360", "40960", "81559", "forty", ""),
    "nvidia.com/gpu.count": ("0", "1", "7", "08", "99999999999999999999"),
    "nvidia.com/mig.capable": ("true", "false"),
    "zone": ("a", "b"),
    "runtime": ("kata",),
}
"""Some are not numbers, some need more than 64 bits, some begin with 0."""
TAINTS = (("nvidia.com/gpu", "true"), ("nvidia.com/gpu", ""), ("team", "a"), ("team", "b"))
EFFECTS = ("NoSchedule", "NoExecute", "PreferNoSchedule")
OWN_TAINTS = (
    "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable", "node.kubernetes.io/memory-pressure",
)  # fmt: skip


def make_node(random: Random, name: str) -> Object:
    labels = {key: random.choice(values) for key, values in LABELS.items() if random.random() < 0.75}
    amounts = random_resources.offer(random)
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": _make_taints(random), "unschedulable": random.random() < 0.15},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def _make_taints(random: Random) -> list[Object]:
    found = {}
    for _ in range(random.choice((0, 0, 0, 1, 1, 2))):
        key, value = random.choice((*TAINTS, *((each, "") for each in OWN_TAINTS)))
        effect = random.choice(EFFECTS)
        found[key, effect] = {"key": key, "value": value, "effect": effect}
    return list(found.values())


def make_pod(random: Random, name: str, nodes: list[str]) -> Object:
    spec: Object = {"containers": [_make_container(random, "main")]}
    if random.random() < 0.35:
        spec["nodeSelector"] = {
            key: random.choice(LABELS[key])
            for key in random.sample(sorted(LABELS), random.choice((0, 1, 1, 2)))
        }
    affinity: Object = {}
    if random.random() < 0.6:
        terms = [_make_term(random, nodes) for _ in range(random.choice((1, 1, 2, 3)))]
        affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {"nodeSelectorTerms": terms}
    if affinity or random.random() < 0.2:
        spec["affinity"] = {"nodeAffinity": affinity}
    if random.random() < 0.6:
        spec["tolerations"] = [_make_toleration(random) for _ in range(random.choice((1, 2, 3)))]
    if random.random() < 0.25:
        first = [_make_container(random, f"init-{number}") for number in range(random.choice((1, 2)))]
        for each in first:
            if random.random() < 0.5:
                each["restartPolicy"] = "Always"
        spec["initContainers"] = first
    if random.random() < 0.2:
        spec["containers"].append(_make_container(random, "side"))
    spec |= random_resources.make_members(random)
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def _make_container(random: Random, name: str) -> Object:
    container: Object = {"name": name, "image": "none"}
    if random.random() < 0.7:
        container["resources"] = random_resources.ask(random)
    return container


def _make_term(random: Random, nodes: list[str]) -> Object:
    term: Object = {}
    if random.random() < 0.9:
        term["matchExpressions"] = [_make_expression(random) for _ in range(random.choice((0, 1, 1, 2)))]
    if random.random() < 0.2:
        names = [random.choice(nodes)]
        term["matchFields"] = [
            {"key": "metadata.name", "operator": random.choice(("In", "NotIn", "NotIn")), "values": names}
        ]
    return term


def _make_expression(random: Random) -> Object:
    key = random.choice((*LABELS, "missing"))
    operator = random.choice(("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
    expression: Object = {"key": key, "operator": operator}
    known = LABELS.get(key, ("x",))
    if operator in ("Gt", "Lt"):
        expression["values"] = [
            random.choice(("0", "1", "4863", "4864", "40960", "007", "40Gi", "", "9" * 20))
        ]
    elif operator in ("In", "NotIn"):
        expression["values"] = [random.choice(known) for _ in range(random.choice((1, 1, 2, 3)))]
    return expression


def _make_toleration(random: Random) -> Object:
    key, value = random.choice((*TAINTS, *((each, "") for each in OWN_TAINTS), ("", "")))
    toleration: Object = {}
    if key:
        toleration["key"] = key
    if not key or random.random() < 0.5:
        toleration["operator"] = "Exists"
    elif random.random() < 0.5:
        toleration["operator"] = "Equal"
    if toleration.get("operator") != "Exists" and value:
        toleration["value"] = value
    if random.random() < 0.6:
        toleration["effect"] = random.choice(EFFECTS)
    return toleration


def make_preferences(random: Random, nodes: list[str]) -> list[Object]:
    """Return terms that the scheduler can compare: Gt and Lt with numbers only."""
    found: list[Object] = []
    while len(found) < 3:
        term = _make_term(random, nodes)
        bounds = [
            each["values"][0] for each in term.get("matchExpressions", ()) if each["operator"] in ("Gt", "Lt")
        ]
        if all(bound.isdecimal() and int(bound) < 2**63 for bound in bounds):
            found.append({"weight": random.randint(1, 100), "preference": term})
    return found


ODD: tuple[Any, ...] = (
    "", "a b", "-5", "x/y/z", "é", "x" * 64, 7, 0.5, True, None, [], {}, ["a"], {"a": "b"}, [None], 10**6,
)  # fmt: skip


def spoil(random: Random, pod: Object) -> Object:
    """Return a pod with one of the values that decide its node replaced by an odd one."""
    spec = json.loads(json.dumps(pod["spec"]))
    places = [
        place
        for name in ("nodeSelector", "affinity", "tolerations", "containers", "initContainers", "resources")
        for place in walk(spec, name)
    ]
    holder, key = random.choice(places or [(spec, "nodeSelector")])
    holder[key] = random.choice(ODD)
    return {**pod, "spec": spec}


def walk(holder: Any, key: Any) -> Iterator[tuple[Any, Any]]:
    """Yield all places below, except names and images, which do not decide the node."""
    if isinstance(holder, dict) and (key not in holder or key in ("name", "image")):
        return
    value = holder[key]
    is_of_containers = key in ("containers", "initContainers") or (
        isinstance(value, dict) and "image" in value
    )
    if not is_of_containers:
        yield holder, key
    inner = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for each in inner:
        yield from walk(value, each)
