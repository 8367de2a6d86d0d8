"""Random pods that want to run beside or apart from others, or in the place of pods of lower priority."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from tests.cluster.random_pods import ODD, walk

Object = dict[str, Any]

HOSTNAME, ZONE, RACK = "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack"
KEYS = (HOSTNAME, ZONE, RACK)
APPS, TIERS = ("web", "db", "train"), ("a", "b")
NAMESPACES: dict[str, dict[str, str]] = {"default": {}, "team-a": {"team": "a"}, "team-b": {"team": "b"}}
CLASSES = {"low": -10, "middle": 100, "high": 1000, "gentle": 1000}
"""The PriorityClasses; pods of ``gentle`` evict no others."""
GPU = "nvidia.com/gpu"
ADDRESSES = ("", "0.0.0.0", "10.0.0.1", "10.0.0.2")


def make_node(random: Random, name: str) -> Object:
    labels = {HOSTNAME: name, ZONE: random.choice("abc"), RACK: random.choice(("1", "2")), "pool": "x"}
    for key in (*KEYS, "pool"):
        if random.random() < 0.1:
            del labels[key]
    taint = {"key": "team", "value": "a", "effect": random.choice(("NoSchedule", "NoExecute"))}
    amounts = {"cpu": "4", "memory": "8Gi", "pods": "20", "ephemeral-storage": "9Gi", GPU: "8"}
    return {
        "metadata": {"name": name, "labels": labels},
        "spec": {"taints": [taint] if random.random() < 0.2 else []},
        "status": {"allocatable": amounts, "capacity": amounts},
    }


def make_pod(random: Random, name: str, *, is_placed: bool = False) -> Object:
    labels = {"app": random.choice(APPS), "tier": random.choice(TIERS)}
    if random.random() < 0.2:
        del labels["tier"]
    requests = {
        "cpu": random.choice(("100m", "500m", "1", "2")),
        "memory": random.choice(("1Mi", "1Gi")),
    }
    devices = {GPU: random.choice((1, 1, 2, 4))} if random.random() < 0.6 else {}
    container = {
        "name": "main",
        "image": "none",
        "resources": {"requests": {**requests, **devices}, "limits": devices},
        "ports": _make_ports(random),
    }
    spec: Object = {"containers": [container]}
    if random.random() < 0.15:
        sidecar = {"name": "side", "image": "none", "restartPolicy": "Always", "ports": _make_ports(random)}
        spec["initContainers"] = [sidecar]
    if random.random() < 0.1 and not any("hostPort" in each for each in container["ports"]):
        spec["hostNetwork"] = True
        spec.pop("initContainers", None)
    if random.random() < 0.6:
        spec["priorityClassName"] = random.choice(tuple(CLASSES))
    if random.random() < 0.1:
        is_gentle = spec.get("priorityClassName") == "gentle"
        spec["preemptionPolicy"] = "Never" if is_gentle else "PreemptLowerPriority"
    if random.random() < 0.3:
        spec["tolerations"] = [{"key": "team", "operator": "Exists"}]
    if random.random() < 0.1 and not is_placed:
        spec["nodeSelector"] = {"pool": "x"}
    _add_affinity(random, spec, chance=0.2 if is_placed else 0.35)
    if random.random() < 0.35 and not is_placed:
        spec["topologySpreadConstraints"] = _make_constraints(random)
    metadata = {"name": name, "namespace": random.choice(tuple(NAMESPACES)), "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _make_ports(random: Random) -> list[Object]:
    found: dict[Any, Object] = {}
    for _ in range(random.choice((0, 0, 0, 0, 1, 1, 2))):
        port: Object = {"containerPort": random.choice((80, 81))}
        if random.random() < 0.7:
            port["hostPort"] = random.choice((80, 81))
        if random.random() < 0.4:
            port["hostIP"] = random.choice(ADDRESSES)
        if random.random() < 0.3:
            port["protocol"] = random.choice(("TCP", "UDP"))
        # The API server refuses a pod that has a host port twice, also by way of hostNetwork.
        key = (
            port.get("hostPort", port["containerPort"]),
            port.get("hostIP", ""),
            port.get("protocol", "TCP"),
        )
        found[key] = port
    return list(found.values())


def drop_used_ports(pod: Object, used: set[tuple[str, int]]) -> None:
    """Remove the ports of a pod that are used on its node, as the kubelet would; add its others to ``used``.

    The scheduler forgets a port with the first of two pods that have it.
    """
    spec = pod["spec"]
    found = set()
    for container in (*spec.get("initContainers", ()), *spec["containers"]):
        free = []
        for port in container["ports"]:
            key = (spec["nodeName"], port.get("hostPort", port["containerPort"]))
            if key not in used:
                free.append(port)
                found.add(key)
        container["ports"] = free
    used |= found


def _add_affinity(random: Random, spec: Object, chance: float) -> None:
    affinity: Object = {}
    for name, share in (("podAffinity", chance * 0.7), ("podAntiAffinity", chance)):
        if random.random() < share:
            terms = [_make_term(random) for _ in range(random.choice((1, 1, 1, 2)))]
            affinity[name] = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
            if random.random() < 0.2:
                preferred = [{"weight": 5, "podAffinityTerm": _make_term(random)}]
                affinity[name]["preferredDuringSchedulingIgnoredDuringExecution"] = preferred
    if affinity:
        spec["affinity"] = affinity


def _make_term(random: Random) -> Object:
    term: Object = {"topologyKey": random.choice(KEYS)}
    _add_selector(random, term)
    if "labelSelector" in term and random.random() < 0.15 and "tier" not in str(term):
        term["mismatchLabelKeys"] = ["tier"]
    if random.random() < 0.2:
        term["namespaces"] = random.sample(sorted(NAMESPACES), random.choice((1, 2)))
    if random.random() < 0.3:
        term["namespaceSelector"] = random.choice(
            (
                {},
                {"matchLabels": {"team": "a"}},
                {"matchExpressions": [{"key": "team", "operator": "Exists"}]},
                {"matchLabels": {"kubernetes.io/metadata.name": "team-b"}},
                {"matchLabels": {"team": "c"}},
            )
        )
    return term


def _make_constraints(random: Random) -> list[Object]:
    found = []
    for key in random.sample(KEYS, random.choice((1, 1, 2))):
        constraint: Object = {
            "topologyKey": key,
            "maxSkew": random.choice((1, 1, 2, 3)),
            "whenUnsatisfiable": random.choice(("DoNotSchedule", "DoNotSchedule", "ScheduleAnyway")),
        }
        _add_selector(random, constraint)
        if random.random() < 0.3 and constraint["whenUnsatisfiable"] == "DoNotSchedule":
            constraint["minDomains"] = random.choice((1, 2, 3, 4))
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if random.random() < 0.3:
                constraint[name] = random.choice(("Honor", "Ignore"))
        found.append(constraint)
    return found


def _add_selector(random: Random, holder: Object) -> None:
    """Add a label selector, or rarely none, and perhaps a key that it must not have itself."""
    choice = random.random()
    if choice < 0.05:
        return
    selector: Object = {}
    if choice < 0.75:
        selector["matchLabels"] = {"app": random.choice(APPS)}
    elif choice < 0.9:
        expression: Object = {"key": "tier", "operator": random.choice(("Exists", "DoesNotExist"))}
        if random.random() < 0.5:
            values = random.sample(TIERS, random.choice((1, 2)))
            expression = {"key": "tier", "operator": random.choice(("In", "NotIn")), "values": values}
        selector["matchExpressions"] = [expression]
    holder["labelSelector"] = selector
    if random.random() < 0.2 and "tier" not in str(selector):
        holder["matchLabelKeys"] = ["tier"]


def spoil(random: Random, pod: Object) -> Object:
    """Return a pod with a value of its affinity, spread or ports replaced by an odd one."""
    spec = json.loads(json.dumps(pod["spec"]))
    fields = ("affinity", "topologySpreadConstraints", "hostNetwork")
    places = [place for name in fields for place in walk(spec, name)]
    containers = (*spec.get("initContainers", ()), *spec["containers"])
    places += (place for each in containers for place in walk(each, "ports"))
    holder, key = random.choice(places)
    holder[key] = random.choice(ODD)
    return {**pod, "metadata": {**pod["metadata"], "namespace": "default"}, "spec": spec}
