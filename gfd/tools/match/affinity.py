"""The nodeSelector and nodeAffinity of a PodSpec in a file, checked as the API server checks them.

What is said of a wrong one is what the server would say; see :mod:`gfd.tools.match.validation`.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.kube.requirements import OPERATORS, Requirement, parse_integer
from gfd.labels.products import model_of, shorten, tail_of
from gfd.labels.syntax import sanitise
from gfd.text import suggest
from gfd.tools.match import validation
from gfd.tools.match.fields import text_of
from gfd.tools.match.selectors import NAME_FIELD, Preference, Term

if TYPE_CHECKING:
    from gfd.errors import DocumentError
    from gfd.tools.match.fields import Part

_AFFINITY = ("nodeAffinity", "podAffinity", "podAntiAffinity")
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_TERM = ("matchExpressions", "matchFields")
_STRUCT = "NodeSelectorRequirement"
_PRODUCT = re.compile(r"nvidia\.com/(?:gpu|mig-.+)\.product")
_REQUIREMENT = ("key", "operator", "values")


def read_node_selector(part: Part | None, struct: str = "PodSpec") -> tuple[Requirement, ...]:
    """Return what a map of labels asks for. Raises DocumentError."""
    if part is None:
        return ()
    found = []
    for key, entry in part.entries(struct, "map[string]string").items():
        value = entry.text(struct)
        for text, rule in ((key, validation.of_label_key(key)), (value, validation.of_label_value(value))):
            if rule:
                place = replace(entry, path=part.path)
                raise place.refuse(validation.invalid(text, rule), _suggest(key, value))
        requirement = Requirement(key=key, operator="In", values=(value,), line=entry.line, is_shorthand=True)
        found.append(requirement)
    return tuple(found)


def read_affinity(
    affinity: Part | None, struct: str = "PodSpec"
) -> tuple[tuple[Term, ...] | None, tuple[Preference, ...]]:
    """Return the required terms, None if there are none, and the preferred ones. Raises DocumentError."""
    if affinity is None:
        return None, ()
    node = affinity.struct(struct, "v1.Affinity", _AFFINITY).member("nodeAffinity")
    if node is None:
        return None, ()
    node.struct("Affinity", "v1.NodeAffinity", (_REQUIRED, _PREFERRED))
    required = node.member(_REQUIRED)
    items = node.items_at(_PREFERRED, struct="NodeAffinity", expected="[]v1.PreferredSchedulingTerm")
    return _read_terms(required) if required else None, tuple(map(_read_preference, items))


def _read_terms(required: Part) -> tuple[Term, ...]:
    required.struct("NodeAffinity", "v1.NodeSelector", ("nodeSelectorTerms",))
    items = required.items_at("nodeSelectorTerms", struct="NodeSelector", expected="[]v1.NodeSelectorTerm")
    if not items:
        said = "Required value: must have at least one node selector term"
        raise required.place("nodeSelectorTerms").refuse(said)
    return tuple(_read_term(item, "NodeSelector", is_required=True) for item in items)


def _read_preference(item: Part) -> Preference:
    item.struct("NodeAffinity", "v1.PreferredSchedulingTerm", ("weight", "preference"))
    weight, preference = item.member("weight"), item.member("preference")
    number = weight.number("PreferredSchedulingTerm") if weight else 0
    if not 0 < number <= 100:
        said = f"Invalid value: {number}: must be in the range 1-100"
        raise item.place("weight").refuse(said)
    term = _read_term(preference, "PreferredSchedulingTerm", is_required=False) if preference else Term()
    return Preference(weight=number, term=term)


def _read_term(part: Part, struct: str, *, is_required: bool) -> Term:
    part.struct(struct, "v1.NodeSelectorTerm", _TERM)
    expressions, fields = (
        part.items_at(name, struct="NodeSelectorTerm", expected="[]v1.NodeSelectorRequirement")
        for name in _TERM
    )
    return Term(
        expressions=tuple(_read_expression(item, is_required=is_required) for item in expressions),
        fields=tuple(map(_read_field, fields)),
    )


def _read_expression(item: Part, *, is_required: bool) -> Requirement:
    key, operator, values = _read_requirement(item)
    if said := _said_of_values(operator, len(values)):
        raise item.place("values").refuse(said)
    if rule := validation.of_label_key(key):
        raise item.place("key").refuse(validation.invalid(key, rule))
    texts = tuple(value.text(_STRUCT) for value in values)
    for value, text in zip(values, texts, strict=True):
        rule = validation.of_label_value(text)
        if rule and is_required:
            raise value.refuse(validation.invalid(text, rule), _suggest(key, text))
        if not is_required and operator in ("Gt", "Lt") and parse_integer(text) is None:
            rule = validation.NUMBER_RULE
        if rule:
            said = f"{value.path}: {validation.invalid(text, rule)}"
            raise value.complain(f"kube-scheduler fails wherever two nodes fit, and says of it: {said}")
    return Requirement(key=key, operator=operator, values=texts, line=item.line)


def _suggest(key: str, value: str) -> str:
    """Return the product that gfd publishes for one that is not a legal value; empty for other labels."""
    product = sanitise(value)
    short = shorten(model_of(product), tail_of(product)) if _PRODUCT.fullmatch(key) else ""
    return f"; gfd publishes {short}" if short else ""


def _read_field(item: Part) -> Requirement:
    key, operator, values = _read_requirement(item)
    if operator not in ("In", "NotIn"):
        raise _wrong_operator(item, operator)
    if len(values) != 1:
        rule = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        raise item.place("values").refuse(f"Required value: {rule}")
    if key != NAME_FIELD:
        said = validation.invalid(key, "not a valid field selector key")
        raise item.place("key").refuse(said)
    name = values[0].text(_STRUCT)
    if rule := validation.of_node_name(name):
        raise values[0].refuse(validation.invalid(name, rule))
    return Requirement(key=key, operator=operator, values=(name,), line=item.line)


def _read_requirement(item: Part) -> tuple[str, str, list[Part]]:
    item.struct("NodeSelectorTerm", f"v1.{_STRUCT}", _REQUIREMENT)
    key, operator, values = (item.member(name) for name in _REQUIREMENT)
    items = values.items(_STRUCT, "[]string") if values else []
    for each in items:
        each.text(_STRUCT)
    word = text_of(operator, _STRUCT, "v1.NodeSelectorOperator")
    if word not in OPERATORS:
        raise _wrong_operator(item, word)
    return text_of(key, _STRUCT), word, items


def _wrong_operator(item: Part, operator: str) -> DocumentError:
    near = suggest(operator, OPERATORS)
    return item.place("operator").refuse(validation.invalid(operator, "not a valid selector operator"), near)


def _said_of_values(operator: str, count: int) -> str:
    if operator in ("In", "NotIn"):
        rule = "must be specified when `operator` is 'In' or 'NotIn'"
        return "" if count else f"Required value: {rule}"
    if operator in ("Gt", "Lt"):
        rule = "must be specified single value when `operator` is 'Lt' or 'Gt'"
        return "" if count == 1 else f"Required value: {rule}"
    rule = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
    return f"Forbidden: {rule}" if count else ""
