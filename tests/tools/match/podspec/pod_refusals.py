"""Host ports, pod affinity, topology spread and priorities that the API server refuses or accepts.

What gfd says about the first is in ``tests/tools/golden/match-refused-pods.txt``. tests/cluster asks a real
API server about all of them.
"""

from __future__ import annotations

from typing import Any

from tests.tools.match.podspec.refusals import LONG, Object, container

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
WEB = {"matchLabels": {"app": "web"}}


def ports(*items: Any, **spec: Any) -> Object:
    return {**container(ports=list(items)), **spec}


def port(**members: Any) -> Object:
    return ports({"containerPort": 80, **members})


def term(**members: Any) -> Object:
    """Return a pod with a term of podAffinity; None removes a member."""
    return near({"topologyKey": "zone", "labelSelector": WEB, **members})


def near(*terms: Any) -> Object:
    return {"affinity": {"podAffinity": {REQUIRED: list(terms)}}}


def apart(**affinity: Any) -> Object:
    return {"affinity": {"podAntiAffinity": affinity}}


def expression(**members: Any) -> Object:
    return term(labelSelector={"matchExpressions": [members]})


def spread(*more: Any, **members: Any) -> Object:
    first = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", **members}
    return {"topologySpreadConstraints": [first, *more]}


TWO_CONTAINERS = {
    "containers": [
        {"name": name, "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]} for name in "cd"
    ]
}

REFUSED: list[Object] = [
    ports({"hostPort": 80}),
    ports({}),
    ports({"containerPort": 0}),
    ports({"containerPort": 65536}),
    ports({"containerPort": "80"}),
    ports(None),
    container(ports={"containerPort": 80}),
    port(hostPort=-1),
    port(hostPort=65536),
    port(hostPort="80"),
    port(protocol="tcp"),
    port(protocol=6),
    port(HostPort=80),
    port(name="a_b"),
    port(name="80"),
    port(name="a--b"),
    port(name="a" * 16),
    port(hostIP=10),
    port(hostIP=10, hostPort=1),
    ports({"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}),
    ports({"containerPort": 80, "hostPort": 1}, {"containerPort": 81, "hostPort": 1}),
    ports({"containerPort": 80, "hostPort": 81}, hostNetwork=True),
    ports({"containerPort": 80}, {"containerPort": 80, "name": "a"}, hostNetwork=True),
    ports({"containerPort": 80}, hostNetwork="true"),
    TWO_CONTAINERS,
    {"affinity": {"podAffinity": []}},
    {"affinity": {"podAffinity": {"required": []}}},
    {"affinity": {"podAffinity": {REQUIRED: {"topologyKey": "zone"}}}},
    near({}),
    near(None),
    term(topologyKey=None),
    term(topologyKey="a b"),
    term(topologyKey=5),
    term(topology="zone"),
    term(labelSelector={"app": "web"}),
    term(labelSelector={"matchLabels": {"app": "a b"}}),
    term(labelSelector={"matchLabels": {"a b": "c"}}),
    term(labelSelector={"matchLabels": ["app"]}),
    term(labelSelector={"matchLabels": {"app": 5}}),
    expression(key="a", operator="In"),
    expression(key="a", operator="In", values=["b c"]),
    expression(key="a", operator="Exists", values=["b"]),
    expression(key="a", operator="Gt", values=["5"]),
    expression(key="a b", operator="Exists"),
    expression(operator="Exists"),
    expression(key="a"),
    term(namespaces=["A"]),
    term(namespaces=["a.b"]),
    term(namespaces=[LONG]),
    term(namespaces=[None]),
    term(namespaces="a"),
    term(namespaceSelector={"matchLabels": {"a": "b c"}}),
    term(matchLabelKeys=["app", "a b"]),
    term(labelSelector=None, matchLabelKeys=["a"]),
    term(labelSelector=None, mismatchLabelKeys=["a"]),
    term(matchLabelKeys=["a"], mismatchLabelKeys=["a"]),
    apart(**{PREFERRED: [{"weight": 0, "podAffinityTerm": {"topologyKey": "zone"}}]}),
    apart(**{PREFERRED: [{"weight": 101, "podAffinityTerm": {"topologyKey": "zone"}}]}),
    apart(**{PREFERRED: [{"weight": 1}]}),
    apart(**{PREFERRED: [{"weight": 1, "podAffinityTerm": {"topologyKey": "a b"}}]}),
    apart(**{PREFERRED: [{"weight": 1, "term": {"topologyKey": "zone"}}]}),
    apart(**{REQUIRED: [{"topologyKey": "zone", "labelSelector": {"matchLabels": {"a": "b c"}}}]}),
    {"topologySpreadConstraints": {}},
    {"topologySpreadConstraints": [{}]},
    {"topologySpreadConstraints": [None]},
    spread(maxSkew=0),
    spread(maxSkew=None),
    spread(maxSkew="1"),
    spread(maxSkew=2**31),
    spread(topologyKey=""),
    spread(whenUnsatisfiable=None),
    spread(whenUnsatisfiable="doNotSchedule"),
    spread({"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule"}),
    spread(minDomains=0),
    spread(minDomains=2**31),
    spread(minDomains=1, whenUnsatisfiable="ScheduleAnyway"),
    spread(nodeAffinityPolicy="honor"),
    spread(nodeTaintsPolicy=""),
    spread(matchLabelKeys=["a"]),
    spread(labelSelector={"matchLabels": {"app": "a b"}}),
    spread(labelSelector={"matchExpressions": [{"key": "a", "operator": "Lt", "values": ["1"]}]}),
    spread(mismatchLabelKeys=["a"], labelSelector=WEB),
    {"preemptionPolicy": "never"},
    {"preemptionPolicy": "Never"},
    {"preemptionPolicy": "Never", "priorityClassName": "system-node-critical"},
    {"preemptionPolicy": ""},
    {"priorityClassName": "a_b"},
    {"priorityClassName": 5},
    {"priority": 5},
    {"priority": "0"},
    {"priority": 2**31},
    {"priorityClassName": "system-node-critical", "priority": 5},
]

ACCEPTED: list[Object] = [
    port(),
    port(hostPort=0),
    port(hostPort=None, protocol=None, name=""),
    port(hostPort=80, hostIP="10.0.0.1", protocol="SCTP", name="a-1"),
    ports({"containerPort": 80, "hostPort": 1}, {"containerPort": 80, "hostPort": 1, "protocol": "UDP"}),
    ports({"containerPort": 80, "hostPort": 1}, {"containerPort": 80, "hostPort": 1, "hostIP": "0.0.0.0"}),
    ports({"containerPort": 80, "hostPort": 80}, {"containerPort": 81}, hostNetwork=True),
    {
        "initContainers": [
            {"name": name, "image": "i", "ports": [{"containerPort": 80, "hostPort": 80}]} for name in "ij"
        ]
    },
    {"affinity": {"podAffinity": None, "podAntiAffinity": {}}},
    near(),
    term(),
    term(labelSelector=None),
    term(labelSelector={}),
    term(labelSelector={"matchLabels": {"app": None}}),
    term(namespaces=[], namespaceSelector={}, matchLabelKeys=["a", "b"], mismatchLabelKeys=["app"]),
    expression(key="a", operator="NotIn", values=["", "b", None]),
    apart(**{PREFERRED: [{"weight": 1, "podAffinityTerm": {"topologyKey": "zone"}}]}),
    spread(),
    spread(topologyKey="a b"),
    spread({"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}),
    spread(minDomains=5, nodeAffinityPolicy="Ignore", nodeTaintsPolicy=None),
    spread(matchLabelKeys=["a"], labelSelector={}),
    {"topologySpreadConstraints": None},
    {"preemptionPolicy": "PreemptLowerPriority"},
    {"preemptionPolicy": None, "priorityClassName": ""},
    {"priority": 0},
    {"priorityClassName": "system-node-critical", "priority": 2000001000},
]
