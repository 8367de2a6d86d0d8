"""Read the priority of a pod, and find its number and whether it may evict pods of lower priority."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gfd.clusterview.priority_classes import SYSTEM_CLASSES, PriorityClass
from gfd.tools.match.podspec import pod_rules, rules
from gfd.tools.match.podspec.fields import read_text
from gfd.tools.match.podspec.pod_rules import LOWER_PRIORITY, NEVER, PreemptionPolicy, PriorityNumber
from gfd.tools.match.podspec.scheduling import Priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node
    from gfd.documents.value import Value

_NO_CLASS = PriorityClass(name="", value=0, policy=LOWER_PRIORITY)
_SYSTEM = {each.name: each for each in SYSTEM_CLASSES}


class Preemptor(NamedTuple):
    """What decides which pods a pod may evict."""

    value: int | None
    """The priority; None if it is unknown."""
    may_preempt: bool

    def list_evictable(self, pods: Sequence[BoundPod]) -> list[BoundPod]:
        """Return those of ``pods`` that the pod may evict: all of them if its priority is unknown."""
        if not self.may_preempt:
            return []
        value = self.value
        return [pod for pod in pods if value is None or pod.priority < value]


def read_priority(spec: Value) -> Priority:
    """Return the priority of a PodSpec. Raises DocumentError."""
    name, policy = read_text(spec, "priorityClassName"), spec.member("preemptionPolicy")
    rules.check(spec.field("priorityClassName"), name, pod_rules.PRIORITY_CLASS_NAME)
    known = _SYSTEM.get(name) if name else _NO_CLASS
    if policy:
        asked = PreemptionPolicy(read_text(policy), known.policy if known else "")
        rules.check(policy, asked, pod_rules.PREEMPTION_POLICY)
    number = spec.member("priority")
    value = number.integer(-(2**31)) if number else None
    if number and value is not None:
        asked_number = PriorityNumber(value, known.value if known else None)
        rules.check(number, asked_number, pod_rules.PRIORITY)
    return Priority(class_name=name, value=value, policy=read_text(policy) if policy else "")


def find_preemptor(priority: Priority, classes: Mapping[str, PriorityClass]) -> Preemptor:
    """Return the number of a priority with these PriorityClasses, and whether the pod may evict others."""
    if priority.class_name:
        found = classes.get(priority.class_name)
    else:
        found = next((each for each in classes.values() if each.is_default), _NO_CLASS)
    value = priority.value if priority.value is not None else found.value if found else None
    return Preemptor(value, NEVER not in (priority.policy, found.policy if found else ""))


def list_classes(
    classes: Iterable[PriorityClass] | None, nodes: Iterable[Node]
) -> Mapping[str, PriorityClass]:
    """Return the PriorityClasses by name; if they are unknown (None), those of the pods on the nodes."""
    if classes is not None:
        return {each.name: each for each in (*SYSTEM_CLASSES, *classes)}
    return _SYSTEM | {
        pod.priority_class: PriorityClass(
            name=pod.priority_class, value=pod.priority, policy=pod.preemption_policy
        )
        for node in nodes
        for pod in node.pods
        if pod.priority_class
    }
