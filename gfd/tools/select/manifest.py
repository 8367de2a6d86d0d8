"""Build the part of a manifest that requests a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.affinity_terms import REQUIRED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.clusterview.nodes import Taint
    from gfd.kube.requirements import Requirement
    from gfd.tools.select.selection import Terms, Variant

CONTAINER = "main"
"""The name of the container, for the user to replace."""


def build_spec(variant: Variant, count: int) -> dict[str, Any]:
    """Return the fields of a PodSpec that request ``count`` devices on the nodes that have them."""
    selector = _build_selector(variant.terms)
    spec: dict[str, Any] = {}
    if selector is not None:
        spec["nodeSelector"] = selector
    else:
        terms = [{"matchExpressions": [_build_expression(each) for each in term]} for term in variant.terms]
        required = {REQUIRED: {"nodeSelectorTerms": terms}}
        spec["affinity"] = {"nodeAffinity": required}
    if tolerations := build_tolerations(variant.tolerations):
        spec["tolerations"] = tolerations
    spec["containers"] = [{"name": CONTAINER, "resources": {"limits": {variant.resource: count}}}]
    return spec


def build_tolerations(taints: Iterable[Taint]) -> list[dict[str, str]]:
    """Return the tolerations of a PodSpec for these taints."""
    return [{"key": taint.key, "operator": "Exists", "effect": taint.effect} for taint in taints]


def _build_selector(terms: Terms) -> dict[str, str] | None:
    """Return the nodeSelector that matches the same nodes; None if only nodeAffinity can."""
    if len(terms) != 1 or any(each.operator != "In" or len(each.values) != 1 for each in terms[0]):
        return None
    return {each.key: each.values[0] for each in terms[0]}


def _build_expression(requirement: Requirement) -> dict[str, Any]:
    expression: dict[str, Any] = {"key": requirement.key, "operator": requirement.operator}
    return expression | {"values": list(requirement.values)} if requirement.values else expression
