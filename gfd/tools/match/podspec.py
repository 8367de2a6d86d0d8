"""A PodSpec in a file, as far as it decides the Node, checked as the API server checks it.

Only NVIDIA's devices are counted; what else the scheduler would look at is named, not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.tools.match import validation
from gfd.tools.match.affinity import read_affinity, read_node_selector
from gfd.tools.match.devices import SCHEDULING, read_devices
from gfd.tools.match.fields import text_of
from gfd.tools.match.spec import Spec
from gfd.tools.match.taints import EFFECTS, NO_EXECUTE, Toleration, admit

if TYPE_CHECKING:
    from gfd.tools.match.fields import Part

_TOLERATION = {
    "key": "string",
    "operator": "v1.TolerationOperator",
    "value": "string",
    "effect": "v1.TaintEffect",
    "tolerationSeconds": "",
}
"""The members of a Toleration, and Go's types of those that are text."""
_TOLERATION_OPERATORS = ("Equal", "Exists")
_FIELDS = (*SCHEDULING, "containers", "initContainers")
_UNJUDGED = (
    "topologySpreadConstraints",
    "resourceClaims",
    "schedulingGates",
    "runtimeClassName",
    "schedulerName",
)
_DEFAULT = "default-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a file says of a pod."""

    spec: Spec
    unjudged: tuple[str, ...]
    """What it asks for besides, and nobody here looks at."""


def read_pod_spec(part: Part) -> Read:
    """Return what a PodSpec asks for. Raises DocumentError."""
    part.check_spelling("Pod", "v1.PodSpec", _FIELDS)
    main = _containers(part, "containers")
    if not main:
        raise part.place("containers").refuse("Required value")
    devices = read_devices(init=_containers(part, "initContainers"), main=main, pod=part)
    affinity = part.member("affinity")
    terms, preferences = read_affinity(affinity)
    name = read_node_name(part)
    spec = Spec(
        node_selector=read_node_selector(part.member("nodeSelector")),
        terms=terms,
        preferences=preferences,
        tolerations=admit(read_tolerations(part.member("tolerations"))),
        requests=devices.requests,
        node_name=name,
        lines={**devices.lines, "nodeName": part.place("nodeName").line},
    )
    return Read(spec=spec, unjudged=(*devices.others, *find_unjudged(part)))


def find_unjudged(part: Part) -> tuple[str, ...]:
    """Return what of a PodSpec matters to the scheduler, and is not looked at here."""
    found = [name for name in ("podAffinity", "podAntiAffinity") if part.find("affinity", name)]
    members = {name: member.value for name in _UNJUDGED if (member := part.member(name))}
    found += [name for name, value in members.items() if value and value != _DEFAULT]
    claims = ("persistentVolumeClaim", "ephemeral")
    volumes = part.items_at("volumes", struct="PodSpec", expected="[]v1.Volume")
    if any(volume.member(claim) for volume in volumes for claim in claims):
        found.append("volumes")
    ports = [
        container.items_at("ports", struct="Container", expected="[]v1.ContainerPort")
        for container in _containers(part, "containers")
    ]
    if any(port.member("hostPort") for each in ports for port in each):
        found.append("hostPort")
    return tuple(found)


def _containers(part: Part, name: str) -> list[Part]:
    return part.items_at(name, struct="PodSpec", expected="[]v1.Container")


def read_node_name(part: Part) -> str:
    """Return the Node that a pod is put on; empty for none. Raises DocumentError."""
    name = text_of(part.member("nodeName"), "PodSpec")
    if name and (rule := validation.of_node_name(name)):
        raise part.place("nodeName").refuse(validation.invalid(name, rule))
    return name


def read_tolerations(part: Part | None, struct: str = "PodSpec") -> tuple[Toleration, ...]:
    """Return what is tolerated. Raises DocumentError."""
    return tuple(map(_read_toleration, part.items(struct, "[]v1.Toleration"))) if part else ()


def _read_toleration(item: Part) -> Toleration:
    item.struct("PodSpec", "v1.Toleration", _TOLERATION)
    key, operator, value, effect = (
        text_of(item.member(name), "Toleration", kind) for name, kind in _TOLERATION.items() if kind
    )
    if key and (rule := validation.of_label_key(key)):
        raise item.place("key").refuse(validation.invalid(key, rule))
    if said := _said_of_toleration(key, operator, value):
        raise item.place("operator").refuse(said)
    if item.member("tolerationSeconds") and effect != NO_EXECUTE:
        said = validation.invalid(effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
        raise item.place("effect").refuse(said)
    if effect and effect not in EFFECTS:
        raise item.place("effect").refuse(validation.unsupported(effect, EFFECTS))
    return Toleration(key=key, operator=operator or "Equal", value=value, effect=effect)


def _said_of_toleration(key: str, operator: str, value: str) -> str:
    if not key and operator != "Exists":
        rule = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        return validation.invalid(operator, rule)
    if operator in ("Gt", "Lt"):
        return validation.unsupported(operator, (*_TOLERATION_OPERATORS, "Lt", "Gt"))
    if operator and operator not in _TOLERATION_OPERATORS:
        return validation.unsupported(operator, _TOLERATION_OPERATORS)
    if operator == "Exists":
        return validation.invalid(value, "value must be empty when `operator` is 'Exists'") if value else ""
    rule = validation.of_label_value(value)
    return validation.invalid(value, rule) if rule else ""
