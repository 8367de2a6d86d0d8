"""Find the pods of lower priority that kube-scheduler would evict so that a pod fits a node.

As the plugin DefaultPreemption does: remove all pods of lower priority; if the pod fits then, put back as
many as possible, the most important first. PodDisruptionBudgets are not read: they change the choice of pods
and nodes, but prevent no preemption.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.resources import add, subtract
from gfd.text import join_first
from gfd.tools.match.judge.mismatches import HOST_PORT, POD_ANTI_AFFINITY, RESOURCE, TOPOLOGY_SPREAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.clusterview.bound_pods import BoundPod
    from gfd.clusterview.nodes import Node
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.judge.neighbours import Neighbours
    from gfd.tools.match.podspec.priorities import Preemptor

RESOLVABLE = (RESOURCE, HOST_PORT, POD_ANTI_AFFINITY, TOPOLOGY_SPREAD)
"""The kinds of mismatches that can vanish with pods of the node."""
MAX_NAMED = 3
"""The maximum number of pods in a text."""


def find_victims(
    node: Node,
    mismatches: Iterable[Mismatch],
    preemptor: Preemptor,
    neighbours: Neighbours,
    fits: Callable[[Node], bool],
) -> tuple[BoundPod, ...]:
    """Return the pods to evict from a node, the most important first; none if that does not help.

    ``fits`` says whether the pod fits the node with the pods that ``neighbours`` counts.
    """
    if any(each.kind not in RESOLVABLE for each in mismatches):
        return ()
    lower = preemptor.list_evictable(node.pods)
    if not lower:
        return ()
    trial = _Trial(node, neighbours)
    for pod in lower:
        trial.remove(pod)
    victims = []
    if fits(trial.node):
        # A pod that has not started yet counts as the latest.
        for pod in sorted(lower, key=lambda each: (-each.priority, not each.started_at, each.started_at)):
            trial.add(pod)
            if not fits(trial.node):
                trial.remove(pod)
                victims.append(pod)
    for pod in victims or trial.list_removed():
        trial.add(pod)
    return tuple(victims)


class _Trial:
    """A node from which pods are removed on trial."""

    def __init__(self, node: Node, neighbours: Neighbours) -> None:
        self.node, self._neighbours, self._all = node, neighbours, node.pods

    def remove(self, pod: BoundPod) -> None:
        self._neighbours.remove(pod, self.node)
        pods = tuple(each for each in self.node.pods if each is not pod)
        self.node = replace(self.node, pods=pods, requested=subtract(self.node.requested, pod.requests))

    def add(self, pod: BoundPod) -> None:
        self._neighbours.add(pod, self.node)
        self.node = replace(
            self.node, pods=(*self.node.pods, pod), requested=add(self.node.requested, pod.requests)
        )

    def list_removed(self) -> Sequence[BoundPod]:
        kept = {id(pod) for pod in self.node.pods}
        return [pod for pod in self._all if id(pod) not in kept]


def describe_preemption(victims: Sequence[BoundPod], preemptor: Preemptor, class_name: str) -> str:
    """Return in words which pods make room."""
    names = [f"{each.namespace}/{each.name} (priority {each.priority})" for each in victims]
    text = f"fit after preempting {join_first(names, MAX_NAMED)}"
    if preemptor.value is not None:
        return f"priority: would {text}"
    unknown = f"the priority of {class_name} is unknown; kubectl get priorityclass {class_name} shows it"
    return f"priorityClassName: {unknown}; if it is high enough, the pod would {text}"
