"""The API server's rules for host ports, pod affinity, topology spread and priority.

tests/cluster checks that gfd and a real API server refuse the same pods. A new rule needs a row here and in
tests/tools/match/podspec/pod_refusals.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gfd.clusterview.affinity_terms import SELECTOR_OPERATORS
from gfd.clusterview.host_ports import PROTOCOLS
from gfd.labels.syntax import explain_domain, explain_key
from gfd.text import join_words
from gfd.tools.match.podspec.rules import HAS_LABEL_KEY, NEEDS_VALUES, TAKES_NO_VALUES, Rule, Rules

if TYPE_CHECKING:
    from gfd.kube.requirements import Requirement

MAX_INT32 = 2**31 - 1
MAX_PORT = 65535
DO_NOT_SCHEDULE, SCHEDULE_ANYWAY = "DoNotSchedule", "ScheduleAnyway"
HONOR, IGNORE = "Honor", "Ignore"
LOWER_PRIORITY, NEVER = "PreemptLowerPriority", "Never"

_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?")


class Port(NamedTuple):
    """A port of a container."""

    name: str
    container_port: int
    host_port: int
    protocol: str
    has_host_network: bool


class LabelKeys(NamedTuple):
    """The matchLabelKeys and mismatchLabelKeys of a term or constraint."""

    match: tuple[str, ...]
    mismatch: tuple[str, ...]
    has_selector: bool
    repeated: tuple[str, ...]
    """The keys of matchLabelKeys that the selector would have twice."""


class Spread(NamedTuple):
    """The fields of a topologySpreadConstraint."""

    max_skew: int
    topology_key: str
    when_unsatisfiable: str
    min_domains: int | None
    affinity_policy: str | None
    taints_policy: str | None
    is_repeated: bool
    """Whether an earlier constraint has the same topologyKey and whenUnsatisfiable."""


class PreemptionPolicy(NamedTuple):
    """The ``preemptionPolicy`` of a pod."""

    name: str
    known: str
    """The policy of its PriorityClass; empty if that is unknown."""


class PriorityNumber(NamedTuple):
    """The ``priority`` of a pod."""

    value: int
    known: int | None
    """The priority of its PriorityClass; None if that is unknown."""


PORT: Rules[Port] = (
    Rule(
        field="containerPort",
        is_broken=lambda it: it.container_port == 0,
        message="is missing",
        fix="write the port on which the container listens",
    ),
    Rule(
        field="containerPort",
        is_broken=lambda it: not 1 <= it.container_port <= MAX_PORT,
        message="{0.container_port} is not a port",
        fix=f"write a number from 1 to {MAX_PORT}",
    ),
    Rule(
        field="hostPort",
        is_broken=lambda it: not 0 <= it.host_port <= MAX_PORT,
        message="{0.host_port} is not a port",
        fix=f"write a number from 1 to {MAX_PORT}",
    ),
    Rule(
        field="protocol",
        is_broken=lambda it: it.protocol not in PROTOCOLS,
        message="{0.protocol!r} is not a protocol of ports",
        fix=f"choose {join_words(PROTOCOLS)}",
    ),
    Rule(
        field="name",
        is_broken=lambda it: bool(it.name) and not _PORT_NAME.fullmatch(it.name),
        message="{0.name!r} is not the name of a port",
        fix="write at most 15 lower-case letters, digits and single hyphens, with a letter",
    ),
    Rule(
        field="hostPort",
        is_broken=lambda it: it.has_host_network and it.host_port not in (0, it.container_port),
        message="with hostNetwork, hostPort must be containerPort, {0.container_port}",
        fix="remove hostPort",
    ),
)

REPEATED_PORT: Rules[str | None] = (
    Rule(
        is_broken=lambda text: text is not None,
        message="another port of the pod is {0}, too",
        fix="choose another host port",
    ),
)
REPEATED_PORT_NAME: Rules[str | None] = (
    Rule(
        field="name",
        is_broken=lambda name: name is not None,
        message="another port of the container has the name {0!r}, too",
        fix="choose another name",
    ),
)

SELECTOR_EXPRESSION: Rules[Requirement] = (
    Rule(
        field="operator",
        is_broken=lambda it: it.operator not in SELECTOR_OPERATORS,
        message="{0.operator!r} is not an operator of label selectors",
        fix=f"choose {join_words(SELECTOR_OPERATORS)}",
    ),
    NEEDS_VALUES,
    TAKES_NO_VALUES,
    HAS_LABEL_KEY,
)

NAMESPACE: Rules[str] = (
    Rule(
        is_broken=lambda name: not _NAMESPACE.fullmatch(name),
        message="{0!r} is not the name of a namespace",
        fix="write at most 63 lower-case letters, digits and hyphens",
    ),
)

LABEL_KEY: Rules[str] = (Rule(is_broken=explain_key, message="{0!r} is not a label key: {reason}"),)

LABEL_KEYS: Rules[LabelKeys] = (
    Rule(
        field="matchLabelKeys",
        is_broken=lambda it: bool(it.match) and not it.has_selector,
        message="needs a labelSelector",
        fix="add one, such as labelSelector: {{}}",
    ),
    Rule(
        field="mismatchLabelKeys",
        is_broken=lambda it: bool(it.mismatch) and not it.has_selector,
        message="needs a labelSelector",
        fix="add one, such as labelSelector: {{}}",
    ),
    Rule(
        field="matchLabelKeys",
        is_broken=lambda it: bool(it.repeated),
        message="the key {0.repeated[0]} is in labelSelector, too, or is there twice",
        fix="remove one of them",
    ),
    Rule(
        field="matchLabelKeys",
        is_broken=lambda it: ", ".join(key for key in it.match if key in it.mismatch),
        message="the key {reason} is in mismatchLabelKeys, too",
        fix="remove one of them",
    ),
)

TOPOLOGY_KEY: Rules[str] = (
    Rule(
        field="topologyKey",
        is_broken=lambda key: not key,
        message="is missing",
        fix="write a label of nodes, such as kubernetes.io/hostname",
    ),
    Rule(
        field="topologyKey",
        is_broken=explain_key,
        message="{0!r} is not a label key: {reason}",
    ),
)

SPREAD: Rules[Spread] = (
    Rule(
        field="maxSkew",
        is_broken=lambda it: not 1 <= it.max_skew <= MAX_INT32,
        message="{0.max_skew} is not a skew",
        fix="write a whole number of at least 1",
    ),
    Rule(
        field="topologyKey",
        is_broken=lambda it: not it.topology_key,
        message="is missing",
        fix="write a label of nodes, such as kubernetes.io/hostname",
    ),
    Rule(
        field="whenUnsatisfiable",
        is_broken=lambda it: it.when_unsatisfiable not in (DO_NOT_SCHEDULE, SCHEDULE_ANYWAY),
        message="{0.when_unsatisfiable!r} is unknown",
        fix=f"choose {DO_NOT_SCHEDULE} or {SCHEDULE_ANYWAY}",
    ),
    Rule(
        field="topologyKey",
        is_broken=lambda it: it.is_repeated,
        message="an earlier constraint has {0.topology_key} and {0.when_unsatisfiable}, too",
        fix="remove one of them",
    ),
    Rule(
        field="minDomains",
        is_broken=lambda it: it.min_domains is not None and not 1 <= it.min_domains <= MAX_INT32,
        message="{0.min_domains} is not a number of domains",
        fix="write a whole number of at least 1",
    ),
    Rule(
        field="minDomains",
        is_broken=lambda it: it.min_domains is not None and it.when_unsatisfiable != DO_NOT_SCHEDULE,
        message=f"needs whenUnsatisfiable: {DO_NOT_SCHEDULE}",
        fix="change that, or remove minDomains",
    ),
    Rule(
        field="nodeAffinityPolicy",
        is_broken=lambda it: it.affinity_policy not in (None, HONOR, IGNORE),
        message="{0.affinity_policy!r} is unknown",
        fix=f"choose {HONOR} or {IGNORE}",
    ),
    Rule(
        field="nodeTaintsPolicy",
        is_broken=lambda it: it.taints_policy not in (None, HONOR, IGNORE),
        message="{0.taints_policy!r} is unknown",
        fix=f"choose {HONOR} or {IGNORE}",
    ),
)

PREEMPTION_POLICY: Rules[PreemptionPolicy] = (
    Rule(
        is_broken=lambda it: it.name not in (LOWER_PRIORITY, NEVER),
        message="{0.name!r} is not a preemption policy",
        fix=f"choose {LOWER_PRIORITY} or {NEVER}",
    ),
    Rule(
        is_broken=lambda it: it.known and it.name != it.known,
        message="the API server gives this pod the preemption policy {0.known}, not {0.name}",
        fix="remove it, and set priorityClassName to a PriorityClass with this policy",
    ),
)

PRIORITY_CLASS_NAME: Rules[str] = (
    Rule(
        is_broken=lambda name: explain_domain(name) if name else "",
        message="{0!r} is not the name of a PriorityClass: the name {reason}",
    ),
)

PRIORITY: Rules[PriorityNumber] = (
    Rule(
        is_broken=lambda it: it.value > MAX_INT32,
        message="{0.value} is not a priority",
        fix="remove it; priorityClassName alone sets the priority",
    ),
    Rule(
        is_broken=lambda it: it.known is not None and it.value != it.known,
        message="the API server gives this pod the priority {0.known}, not {0.value}",
        fix="remove priority; priorityClassName alone sets it",
    ),
)
