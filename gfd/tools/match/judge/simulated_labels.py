"""Judge requirements on labels that a simulated machine cannot have: it has only gfd's labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.clusterview.hardware import is_named_by
from gfd.labels.syntax import VENDOR
from gfd.tools.match.judge.gpu_labels import find_products
from gfd.tools.match.podspec.scheduling import NAME_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.clusterview.nodes import Node
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.podspec.scheduling import SchedulingSpec

_REASON = "a simulated machine has only gfd's labels"
_ABSENCE = ("NotIn", "DoesNotExist")
"""Operators that a node without the label meets."""


def is_unknown(requirement: Requirement, node: Node) -> bool:
    """Return whether only a real node could tell if it meets the requirement.

    A cloud's name for GPUs of another model than the machine's is no such case: no node would meet it.
    """
    key = requirement.key
    if not node.is_simulated or key == NAME_FIELD or key.startswith(VENDOR) or key in node.labels:
        return False
    if requirement.operator in _ABSENCE:
        return False
    meant = [find_products(key, value) for value in requirement.values]
    if requirement.operator != "In" or not all(meant):
        return True
    product = node.labels.get(f"{GPU}.product", "")
    return any(is_named_by(each, product) for products in meant for each in products)


def find_unknown_labels(spec: SchedulingSpec, node: Node) -> Iterator[str]:
    """Yield the requirements of a pod that cannot be judged on a simulated machine, each with the reason."""
    if not node.is_simulated:
        return
    for each in spec.node_selector:
        if is_unknown(each, node):
            yield f"nodeSelector {each}: {_REASON}"
    open_terms = [
        [each for each in term.expressions if is_unknown(each, node)]
        for term in spec.terms or ()
        if all(each.matches(node.labels) or is_unknown(each, node) for each in term.expressions)
    ]
    for each in min(open_terms, key=len, default=[]):
        yield f"nodeAffinity {each}: {_REASON}"
