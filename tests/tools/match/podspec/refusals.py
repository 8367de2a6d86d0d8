"""Parts of PodSpecs that the API server refuses, and parts that it accepts.

What gfd says about the first is in ``tests/tools/golden/match-refused.txt``. tests/cluster asks a real API
server about all of them.
"""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

LONG = "x" * 64


def affinity(**node_affinity: Any) -> Object:
    return {"affinity": {"nodeAffinity": node_affinity}}


def required(**term: Any) -> Object:
    return affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": [term]})


def asked(key: Any, operator: Any, *values: Any) -> Object:
    return required(matchExpressions=[{"key": key, "operator": operator, "values": list(values)}])


def field(key: str, operator: str, *values: Any) -> Object:
    return required(matchFields=[{"key": key, "operator": operator, "values": list(values)}])


def preferred(weight: Any, key: str = "a", operator: str = "Exists", *values: str) -> Object:
    expression = {"key": key, "operator": operator, "values": list(values)}
    preference = {"matchExpressions": [expression]}
    return affinity(
        preferredDuringSchedulingIgnoredDuringExecution=[{"weight": weight, "preference": preference}]
    )


def tolerated(**toleration: Any) -> Object:
    return {"tolerations": [toleration]}


def container(**members: Any) -> Object:
    return {"containers": [{"name": "c", "image": "i", **members}]}


def limited(**amounts: Any) -> Object:
    return container(resources={"limits": {name.replace("__", "/"): each for name, each in amounts.items()}})


def gpus(amount: Any) -> Object:
    return container(resources={"limits": {"nvidia.com/gpu": amount}})


RANGE = container(resources={"limits": {"cpu": 2}, "requests": {"cpu": 1}})
REFUSED: list[Object] = [
    {"nodeSelector": {"a": "b c"}},
    {"nodeSelector": {"a": LONG}},
    {"nodeSelector": {LONG: "a"}},
    {"nodeSelector": {"a b": "c"}},
    {"nodeSelector": {"/b": "c"}},
    {"nodeSelector": {"a/": "c"}},
    {"nodeSelector": {"A_/b": "c"}},
    {"nodeSelector": {"a/b/c": "c"}},
    {"nodeSelector": {"x" * 254 + "/a": "c"}},
    {"nodeSelector": {"a": 7}},
    {"nodeSelector": {"a": 1.5}},
    {"nodeSelector": {"a": True}},
    {"nodeSelector": {"a": ["b"]}},
    {"nodeSelector": {"a": {"b": "c"}}},
    {"nodeSelector": ["a"]},
    {"nodeSelector": "a"},
    {"nodeselector": {"a": "b"}},
    {"affinity": {"nodeAffinty": {}}},
    affinity(requiredDuringSchedulingRequiredDuringExecution={}),
    affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": []}),
    affinity(requiredDuringSchedulingIgnoredDuringExecution={}),
    affinity(requiredDuringSchedulingIgnoredDuringExecution=[{"matchExpressions": []}]),
    affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": {"matchFields": []}}),
    asked("a", "in", "x"),
    asked("a", None, "x"),
    asked("a", "In"),
    asked("a", "NotIn"),
    asked("a", "Exists", "x"),
    asked("a", "Gt", "1", "2"),
    asked("a", "Lt"),
    asked("a", "Gt", "-5"),
    asked("a", "In", "x", "y z"),
    asked("a b", "In", "x"),
    asked(None, "In", "x"),
    asked("a", "Gt", 5),
    required(matchExpressions=[{"key": "a", "operator": "Gt", "values": "5"}]),
    required(matchExpression=[]),
    field("metadata.name", "In", "a", "b"),
    field("metadata.name", "Exists"),
    field("metadata.labels", "In", "a"),
    field("metadata.name", "NotIn", "a_b"),
    preferred(0),
    preferred(101),
    preferred(None),
    preferred("5"),
    preferred(1, "a b"),
    tolerated(),
    tolerated(operator="Equal"),
    tolerated(key="a", operator="Exists", value="x"),
    tolerated(key="a", operator="Gt", value="5"),
    tolerated(key="a", operator="exists"),
    tolerated(key="a", effect="noschedule"),
    tolerated(key="a", effect="NoSchedule", tolerationSeconds=5),
    tolerated(key="a", value="b c"),
    tolerated(key="a b", operator="Exists"),
    tolerated(key="a", value=True),
    {"tolerations": {"key": "a"}},
    tolerated(Key="a", operator="Exists"),
    gpus(0.5),
    gpus("1500m"),
    gpus("0.0001"),
    gpus(-1),
    gpus("-500m"),
    gpus("one"),
    gpus(""),
    gpus(True),
    gpus([1]),
    limited(**{"nvidia.com/mig 1g": 1}),
    limited(gpu=1),
    container(resources={"requests": {"nvidia.com/gpu": 1}}),
    container(resources={"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}),
    container(resources={"limit": {"nvidia.com/gpu": 1}}),
    container(resources={"requests": {"cpu": 2}, "limits": {"cpu": 1}}),
    container(resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "1G"}}),
    container(resources={"requests": {"amd.com/gpu": 1}}),
    container(resources={"requests": {"cpu": 1, "hugepages-2Mi": "2Mi"}}),
    limited(cpu=-1),
    limited(cpu="one"),
    limited(memory="1 Gi"),
    limited(**{"amd.com/gpu": 0.5}),
    limited(**{"amd.com/gpu": -1}),
    limited(**{"amd.com/g pu": 1}),
    limited(**{"requests.amd.com/gpu": 1}),
    limited(**{"hugepages-2Mi": "2Mi"}),
    limited(**{"cpu": 1, "hugepages-2Mi": "3Mi"}),
    limited(**{"cpu": 1, "hugepages-x": "2Mi"}),
    {"resources": {"limits": {"ephemeral-storage": "1Gi"}}},
    {"resources": {"limits": {"hugepages-2Mi": "2Mi"}}},
    {"resources": {"limits": {"cpu": 1}, "requests": {"cpu": 2}}},
    {"resources": {"requests": {"memory": "1Gi", "hugepages-2Mi": "2Mi"}}},
    {"resources": {"requests": {"cpu": 1}}, **container(resources={"requests": {"cpu": 2}})},
    {"resources": {"limits": {"cpu": 1}}, **container(resources={"requests": {"cpu": 2}})},
    {
        "resources": {"limits": {"cpu": 1}},
        **container(resources={"limits": {"cpu": 2}, "requests": {"cpu": 1}}),
    },
    {"resources": {"claims": [{"name": "a"}]}},
    {"overhead": {"hugepages-2Mi": "2Mi"}},
    container(resources={"nvidia.com/gpu": 1}),
    container(resources={"memory": "1Gi"}),
    container(resources={"cpu": {"a": "b"}}),
    {"resources": {"limits": {"nvidia.com/gpu": 1}}},
    container(nodeSelector={"a": "b"}),
    {"initContainers": [{"name": "i", "image": "i", "restartPolicy": "always"}]},
    {"initContainers": [{"name": "i", "image": "i", "restartPolicy": ""}]},
    {"initContainers": [{"name": "i", "image": "i", "restartPolicy": True}]},
    tolerated(key="a", operator=5),
    {"nodeName": "a_b"},
    {"nodeName": "a", "schedulingGates": [{"name": "b"}]},
    {"containers": []},
    {"containers": None},
    {"containers": {"name": "c"}},
]

ACCEPTED: list[Object] = [
    {},
    {"nodeSelector": None},
    {"nodeSelector": {}},
    {"nodeSelector": {"a": None, "b": ""}},
    {"nodeName": "a.b"},
    affinity(requiredDuringSchedulingIgnoredDuringExecution=None),
    required(),
    asked("a", "Gt", "40Gi"),
    asked("a", "Lt", "99999999999999999999"),
    asked("a", "In", "x", "x", ""),
    field("metadata.name", "NotIn", "a.b"),
    affinity(preferredDuringSchedulingIgnoredDuringExecution=[{"weight": 1}]),
    tolerated(key="a"),
    tolerated(operator="Exists"),
    tolerated(operator="Exists", effect="NoExecute", tolerationSeconds=5),
    gpus(None),
    gpus(1.0),
    gpus("1.0"),
    gpus("1k"),
    gpus("0.9999"),
    gpus("1e30"),
    limited(**{"nvidia.com/mig-1g.5gb": 1, "cpu": "100m", "hugepages-2Mi": "2Mi", "example.com/a": 1}),
    container(resources=None),
    container(resources={"limits": None}),
    affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": [None]}),
    {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
    {"resources": {"limits": {"hugepages-2Mi": "2Mi"}}, **container(resources={"limits": {"cpu": 1}})},
    {
        "resources": {"requests": {"cpu": 1}},
        **container(resources={"limits": {"cpu": 2}, "requests": {"cpu": 1}}),
    },
    {"resources": {"limits": {}}},
    {"resources": None},
    container(resources={"requests": {"cpu": "0.0001"}, "limits": {"cpu": "1m"}}),
    limited(**{"kubernetes.io/a": "0.5"}),
    limited(cpu="1e30", memory="1E"),
    limited(memory=0.5),
    limited(cpu=None),
    {"initContainers": [{"name": "i", "image": "i", "restartPolicy": "Always"}]},
]


def make_pod(patch: Object) -> Object:
    spec = {"containers": [{"name": "c", "image": "i"}], **patch}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
