"""Find what helps against one mismatch: edits of the pod, states of the node to wait for, or repairs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import says_nvidia
from gfd.clusterview.device_counts import GPU
from gfd.clusterview.nodes import CONDITION_PREFIX, UNSCHEDULABLE
from gfd.labels.syntax import VENDOR
from gfd.tools.match.fixes.label_steps import find_label_steps
from gfd.tools.match.fixes.neighbour_steps import find_neighbour_steps
from gfd.tools.match.fixes.request_steps import find_request_steps, request_instead
from gfd.tools.match.fixes.similarity import distance
from gfd.tools.match.fixes.steps import SAME, TOLERATION, Edit, Wait, add_toleration, replace_node_name
from gfd.tools.match.judge import mismatches
from gfd.tools.match.judge.gpu_labels import find_products
from gfd.tools.match.podspec.scheduling import Toleration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.clusterview.nodes import Node, Taint
    from gfd.tools.match.fixes.index import LabelIndex
    from gfd.tools.match.fixes.steps import Step
    from gfd.tools.match.judge.mismatches import Mismatch
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

MAX_ALTERNATIVES = 3
"""How many ways of helping against one mismatch are tried."""
_TIMESTAMP = f"{VENDOR}gfd.timestamp"
_LEAVING = (
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/disrupted",
)
"""Taints of nodes that an autoscaler is about to remove."""
_TOLERATION_FACTORS = {
    GPU: 0.25,
    "node-role.kubernetes.io/control-plane": 2,
    "node-role.kubernetes.io/master": 2,
}
"""What a toleration costs compared with others: a pod with GPUs should tolerate the taint for GPUs."""
_STARTING = ("uninitialized", "not-ready", "agent-not-ready", "startup")
"""Last words of taints that a controller removes once the node is ready."""


class StepSearch:
    """Finds what helps against the mismatches of one pod; examines equal nodes only once."""

    def __init__(self, spec: SchedulingSpec, index: LabelIndex) -> None:
        self._spec, self._index = spec, index
        self._found: dict[tuple[object, ...], tuple[tuple[Step, ...], ...]] = {}
        self._facts: dict[str, frozenset[tuple[str, str]]] = {}

    def resolve(self, mismatch: Mismatch, node: Node) -> tuple[tuple[Step, ...], ...]:
        """Return alternatives, the cheapest first: the steps of one of them help. Empty if nothing helps."""
        key: tuple[object, ...] = (mismatch,)
        if mismatch.requirement or mismatch.resource:
            amounts = [
                (name, amounts[name])
                for amounts in (node.allocatable, node.requested, node.capacity)
                for name in amounts
                if name.startswith(VENDOR) or name == mismatch.resource
            ]
            key = (mismatch, self._list_facts(node), *amounts)
        if key not in self._found:
            self._found[key] = self._resolve(mismatch, node)
        return self._found[key]

    def _list_facts(self, node: Node) -> frozenset[tuple[str, str]]:
        """Return the labels that decide what helps, which many nodes have in common."""
        if node.name not in self._facts:
            alternatives = {
                other.key
                for each in self._spec.requirements()
                for other in self._index.find_alternatives(each.key)
            }
            self._facts[node.name] = frozenset(
                (key, value)
                for key, value in node.labels.items()
                if (key.startswith(VENDOR) and key != _TIMESTAMP)
                or key in alternatives
                or find_products(key, value)
                or says_nvidia(key, value)
            )
        return self._facts[node.name]

    def _resolve(self, mismatch: Mismatch, node: Node) -> tuple[tuple[Step, ...], ...]:
        found = sorted(self._list(mismatch, node), key=lambda steps: sum(step.cost for step in steps))
        return tuple(found[:MAX_ALTERNATIVES])

    def _add_request(self, step: Step, node: Node) -> tuple[Step, ...]:
        """Return an edit of a label together with the request for the devices that the label describes."""
        if not isinstance(step, Edit) or not step.resource or not self._spec.requests.get(GPU):
            return (step,)
        if not node.allocatable.get(step.resource):
            return (step,)
        # The request says what the pod gets, so the label adds nothing to that.
        request = request_instead(GPU, step.resource, self._spec, node)
        return (replace(step, cost=SAME), request)

    def _list(self, mismatch: Mismatch, node: Node) -> Iterator[tuple[Step, ...]]:
        if mismatch.requirement:
            for step in find_label_steps(mismatch.requirement, node, self._index):
                yield self._add_request(step, node)
        elif mismatch.taint:
            yield from _resolve_taint(mismatch.taint)
        elif mismatch.kind == mismatches.RESOURCE:
            yield from find_request_steps(mismatch.resource, self._spec, node, self._index)
        elif mismatch.kind == mismatches.NODE_NAME:
            away = distance(self._spec.node_name, node.name)
            yield (replace_node_name(self._spec, node.name, SAME + away),)
        else:
            for step in find_neighbour_steps(mismatch, self._spec):
                yield (step,)


def _resolve_taint(taint: Taint) -> Iterator[tuple[Step, ...]]:
    if taint.key == UNSCHEDULABLE:
        yield (Wait(state="is uncordoned (kubectl uncordon)"),)
    elif taint.key.startswith(CONDITION_PREFIX) or taint.key.rpartition("/")[2] in _STARTING:
        yield (Wait(state=f"loses the taint {taint}"),)
    elif taint.key not in _LEAVING:
        is_exact = bool(taint.value) and taint.key != GPU
        toleration = Toleration(
            key=taint.key,
            operator="Equal" if is_exact else "Exists",
            value=taint.value if is_exact else "",
            effect=taint.effect,
        )
        factor = _TOLERATION_FACTORS.get(taint.key, 1)
        yield (add_toleration(toleration, TOLERATION * factor),)
