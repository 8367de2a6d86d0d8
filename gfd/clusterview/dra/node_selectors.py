"""The nodes that ResourceSlices, devices and allocations name with a NodeSelector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.kube.requirements import OPERATORS, Requirement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.dra.model import Device, ResourceSlice
    from gfd.labels.syntax import Labels

_NAME_FIELD = "metadata.name"


def read_node_selector(item: Mapping[str, Any], path: str) -> Mapping[str, Any] | None:
    """Return the NodeSelector in a field; None if it is absent.

    Raises ValueError if it is malformed; the text completes "the object …".
    """
    selector = read_field(item, path, dict)
    for term in read_field(selector, "nodeSelectorTerms", list):
        for name in ("matchExpressions", "matchFields"):
            for each in map(_read_requirement, read_field(term, name, list)):
                if each.operator not in OPERATORS:
                    raise ValueError(f"has a {path} with the unknown operator {each.operator!r}")
                if each.operator in ("Gt", "Lt") and len(each.values) != 1:
                    raise ValueError(f"has a {path} with {each.operator} and not one value")
    return selector or None


def is_on_node(place: Device | ResourceSlice, name: str, labels: Labels) -> bool:
    """Return whether a device or a slice is for the node with this name and these labels."""
    if place.node_name:
        return place.node_name == name
    if place.is_on_all_nodes:
        return True
    return place.node_selector is not None and selects_node(place.node_selector, name, labels)


def selects_node(selector: Mapping[str, Any], name: str, labels: Labels) -> bool:
    """Return whether a NodeSelector that :func:`read_node_selector` has read selects a node.

    One term has to match; a term without requirements matches no node.
    """
    return any(_matches(term, name, labels) for term in read_field(selector, "nodeSelectorTerms", list))


def _matches(term: Mapping[str, Any], name: str, labels: Labels) -> bool:
    expressions, fields = (
        tuple(map(_read_requirement, read_field(term, kind, list)))
        for kind in ("matchExpressions", "matchFields")
    )
    return (
        bool(expressions or fields)
        and all(each.matches(labels) for each in expressions)
        and all(each.matches({_NAME_FIELD: name}) for each in fields)
    )


def _read_requirement(item: Any) -> Requirement:
    return Requirement(
        key=read_field(item, "key", str),
        operator=read_field(item, "operator", str),
        values=tuple(map(str, read_field(item, "values", list))),
    )
