"""Read the fields of a PodSpec that decide on which node the pod runs; refuse what the API server refuses.

Fields that matter to the scheduler but cannot be compared with nodes are listed as unjudged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match import rules
from gfd.tools.match.affinity import read_affinity, read_node_selector
from gfd.tools.match.devices import POD_FIELDS, read_devices
from gfd.tools.match.fields import check_spelling, find, read_items, read_text
from gfd.tools.match.scheduling import SchedulingSpec
from gfd.tools.match.tolerations import add_default_tolerations, read_tolerations

if TYPE_CHECKING:
    from gfd.documents.value import Value

_UNJUDGED = (
    "topologySpreadConstraints",
    "resourceClaims",
    "schedulingGates",
    "runtimeClassName",
    "schedulerName",
)
_DEFAULT_SCHEDULER = "default-scheduler"


def read_pod_spec(value: Value) -> SchedulingSpec:
    """Return the requirements of a PodSpec on a node. Raises DocumentError."""
    check_spelling(value, (*POD_FIELDS, "containers", "initContainers"))
    containers = read_items(value, "containers")
    if not containers:
        raise value.field("containers").error("a pod needs at least one container")
    devices = read_devices(init=read_items(value, "initContainers"), main=containers, pod=value)
    terms, preferences = read_affinity(value.member("affinity"))
    node_name = read_text(value, "nodeName")
    if node_name:
        rules.check(value.field("nodeName"), node_name, rules.NODE_NAME)
    return SchedulingSpec(
        node_selector=read_node_selector(value.member("nodeSelector")),
        terms=terms,
        preferences=preferences,
        tolerations=add_default_tolerations(read_tolerations(value.member("tolerations"))),
        requests=devices.requests,
        node_name=node_name,
        lines={**devices.lines, "nodeName": value.field("nodeName").line},
        unjudged=find_unjudged(value),
    )


def find_unjudged(value: Value) -> tuple[str, ...]:
    """Return the fields of a PodSpec that matter to the scheduler but cannot be compared, and why."""
    found = [name for name in ("podAffinity", "podAntiAffinity") if find(value, "affinity", name)]
    members = {name: member.content for name in _UNJUDGED if (member := value.member(name))}
    found += [name for name, content in members.items() if content and content != _DEFAULT_SCHEDULER]
    volumes = read_items(value, "volumes")
    if any(each.member(claim) for each in volumes for claim in ("persistentVolumeClaim", "ephemeral")):
        found.append("volumes")
    ports = [port for each in read_items(value, "containers") for port in read_items(each, "ports")]
    if any(port.member("hostPort") for port in ports):
        found.append("hostPort")
    return tuple(f"{name}: not compared with nodes" for name in found)
