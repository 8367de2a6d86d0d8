"""Read the nodeSelector and the nodeAffinity of a PodSpec."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.affinity_terms import PREFERRED, REQUIRED
from gfd.kube.requirements import Requirement
from gfd.tools.match.podspec import rules
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.rules import Label
from gfd.tools.match.podspec.scheduling import NodeSelectorTerm, PreferredTerm

if TYPE_CHECKING:
    from gfd.documents.value import Value


def read_node_selector(value: Value | None) -> tuple[Requirement, ...]:
    """Return the requirements of a map of labels. Raises DocumentError."""
    requirements = []
    for key, entry in value.mapping().items() if value else ():
        label = Label(key, read_text(entry))
        rules.check(entry, label, rules.NODE_LABEL)
        requirements.append(
            Requirement(key=key, operator="In", values=(label.value,), line=entry.line, is_shorthand=True)
        )
    return tuple(requirements)


def read_affinity(
    affinity: Value | None,
) -> tuple[tuple[NodeSelectorTerm, ...] | None, tuple[PreferredTerm, ...]]:
    """Return the required terms, or None without any, and the preferred terms. Raises DocumentError."""
    if affinity is None:
        return None, ()
    node = affinity.only("nodeAffinity", "podAffinity", "podAntiAffinity").member("nodeAffinity")
    if node is None:
        return None, ()
    required = node.only(REQUIRED, PREFERRED).member(REQUIRED)
    preferences = tuple(map(_read_preference, read_items(node, PREFERRED)))
    return _read_required(required) if required else None, preferences


def _read_required(selector: Value) -> tuple[NodeSelectorTerm, ...]:
    items = read_items(selector.only("nodeSelectorTerms"), "nodeSelectorTerms")
    if not items:
        raise selector.field("nodeSelectorTerms").error("needs at least one term")
    return tuple(_read_term(item, is_required=True) for item in items)


def _read_preference(item: Value) -> PreferredTerm:
    weight, preference = (item.only("weight", "preference").member(name) for name in ("weight", "preference"))
    number = weight.integer() if weight else 0
    rules.check(item, number, rules.WEIGHT)
    term = _read_term(preference, is_required=False) if preference else NodeSelectorTerm()
    return PreferredTerm(weight=number, term=term)


def _read_term(term: Value, *, is_required: bool) -> NodeSelectorTerm:
    term.only("matchExpressions", "matchFields")
    return NodeSelectorTerm(
        expressions=tuple(
            _read_expression(item, is_required=is_required) for item in read_items(term, "matchExpressions")
        ),
        fields=tuple(map(_read_field, read_items(term, "matchFields"))),
    )


def _read_expression(item: Value, *, is_required: bool) -> Requirement:
    requirement = _read_requirement(item)
    rules.check(item, requirement, rules.EXPRESSION)
    for value, text in zip(read_items(item, "values"), requirement.values, strict=True):
        rules.check(value, Label(requirement.key, text), rules.NODE_LABEL)
        if not is_required:
            rules.check(value, requirement, rules.PREFERRED_NUMBER)
    return requirement


def _read_field(item: Value) -> Requirement:
    requirement = _read_requirement(item)
    rules.check(item, requirement, rules.FIELD_EXPRESSION)
    rules.check(read_items(item, "values")[0], requirement.values[0], rules.NODE_NAME)
    return requirement


def _read_requirement(item: Value) -> Requirement:
    item.only("key", "operator", "values")
    return Requirement(
        key=read_text(item, "key"),
        operator=read_text(item, "operator"),
        values=tuple(map(read_text, read_items(item, "values"))),
        line=item.line,
    )
