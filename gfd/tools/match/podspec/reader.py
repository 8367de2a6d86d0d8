"""Read the fields of a PodSpec that decide on which node the pod runs; refuse what the API server refuses.

Fields that matter to the scheduler but cannot be compared with nodes are listed as unjudged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec import rules
from gfd.tools.match.podspec.affinity import read_affinity, read_node_selector
from gfd.tools.match.podspec.claims import read_claims
from gfd.tools.match.podspec.devices import POD_FIELDS, read_devices
from gfd.tools.match.podspec.fields import check_spelling, read_items, read_text
from gfd.tools.match.podspec.host_ports import read_ports
from gfd.tools.match.podspec.pod_affinity import read_pod_affinity
from gfd.tools.match.podspec.priorities import read_priority
from gfd.tools.match.podspec.scheduling import SchedulingSpec
from gfd.tools.match.podspec.tolerations import add_default_tolerations, read_tolerations
from gfd.tools.match.podspec.topology_spread import read_spread_constraints
from gfd.tools.match.podspec.unjudged import find_unjudged

if TYPE_CHECKING:
    from gfd.documents.value import Value

_NAMES = ("nodeName", "runtimeClassName")
"""Fields that name another object."""


def read_pod_spec(value: Value) -> SchedulingSpec:
    """Return the requirements of a PodSpec on a node. Raises DocumentError."""
    check_spelling(value, (*POD_FIELDS, "containers", "initContainers"))
    containers = read_items(value, "containers")
    if not containers:
        raise value.field("containers").error("a pod needs at least one container")
    devices = read_devices(init=read_items(value, "initContainers"), main=containers, pod=value)
    affinity = value.member("affinity")
    terms, preferences = read_affinity(affinity)
    node_name = read_text(value, "nodeName")
    if node_name:
        rules.check(value.field("nodeName"), node_name, rules.NODE_NAME)
        if read_items(value, "schedulingGates"):
            raise value.field("nodeName").error("a pod with schedulingGates cannot name its node; remove one")
    return SchedulingSpec(
        node_selector=read_node_selector(value.member("nodeSelector")),
        terms=terms,
        preferences=preferences,
        tolerations=add_default_tolerations(read_tolerations(value.member("tolerations"))),
        requests=devices.requests,
        containers=devices.containers,
        claims=read_claims(value),
        host_ports=read_ports(value),
        pod_affinity=read_pod_affinity(affinity, "podAffinity"),
        pod_anti_affinity=read_pod_affinity(affinity, "podAntiAffinity"),
        spread_constraints=read_spread_constraints(value.member("topologySpreadConstraints")),
        priority=read_priority(value),
        node_name=node_name,
        lines={
            **devices.lines,
            **{name: value.field(name).line for name in _NAMES if name == "nodeName" or value.member(name)},
        },
        runtime_class=read_text(value, "runtimeClassName"),
        has_overhead=bool(value.field("overhead").content),
        os=read_text(value, "os", "name"),
        unjudged=find_unjudged(value),
    )
