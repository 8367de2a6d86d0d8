"""Read label selectors, and the terms of podAffinity and podAntiAffinity.

The API server has checked the objects; :mod:`gfd.tools.match` checks those of a user's files first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.kube.requirements import Requirement
from gfd.kube.selectors import LabelSelector

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
DEFAULT_NAMESPACE = "default"
SELECTOR_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that the API server gives to each namespace: its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodAffinityTerm:
    """A kind of pods, and the label of nodes that says which nodes belong together."""

    topology_key: str
    selector: LabelSelector | None
    """The labels of the pods; None matches no pod."""
    namespaces: frozenset[str] = frozenset()
    """The namespaces of the pods."""
    namespace_selector: LabelSelector | None = None
    """The labels of further namespaces; one without requirements matches all; None matches no further one."""
    match_label_keys: tuple[str, ...] = ()
    """Labels that the pods must have with the same value as the pod of the term."""
    mismatch_label_keys: tuple[str, ...] = ()
    """Labels that the pods must not have with the same value as the pod of the term."""

    def resolve(self, namespace: str, labels: Labels) -> PodAffinityTerm:
        """Return the term of a pod with this namespace and these labels, as the API server completes it."""
        namespaces = self.namespaces
        if not namespaces and self.namespace_selector is None:
            namespaces = frozenset({namespace})
        if self.selector is None:
            return replace(self, namespaces=namespaces)
        added = (
            *require_equal(self.match_label_keys, labels, "In"),
            *require_equal(self.mismatch_label_keys, labels, "NotIn"),
        )
        return replace(
            self, namespaces=namespaces, selector=_make_selector(self.selector.requirements + added)
        )

    def matches(self, namespace: str, labels: Labels, namespaces: Mapping[str, Labels] | None) -> bool | None:
        """Return whether the term means a pod with this namespace and these labels.

        None if that depends on the labels of the namespace, and ``namespaces`` are unknown.
        """
        if self.selector is None or not self.selector.matches(labels):
            return False
        if namespace in self.namespaces:
            return True
        return self._selects_namespace(namespace, namespaces)

    @property
    def needs_namespaces(self) -> bool:
        """Return whether only the labels of namespaces tell which pods the term means."""
        selector = self.namespace_selector
        return selector is not None and any(each.key != NAMESPACE_NAME for each in selector.requirements)

    def _selects_namespace(self, namespace: str, namespaces: Mapping[str, Labels] | None) -> bool | None:
        selector = self.namespace_selector
        if selector is None:
            return False
        own = {NAMESPACE_NAME: namespace}
        if namespaces is not None:
            return selector.matches({**namespaces.get(namespace, {}), **own})
        if not all(each.matches(own) for each in selector.requirements if each.key == NAMESPACE_NAME):
            return False
        return None if self.needs_namespaces else True

    @property
    def pods(self) -> str:
        """Return the pods for people: ``pod with app=web``."""
        if self.selector is None:
            return "pod at all, because labelSelector is missing"
        return f"pod with {self.selector.text}" if self.selector.text else "pod"

    def __str__(self) -> str:
        """Return the term for people: ``a pod with app=web in the same kubernetes.io/hostname``."""
        return f"{'no' if self.selector is None else 'a'} {self.pods} in the same {self.topology_key}"


def read_anti_affinity(pod: Mapping[str, Any]) -> tuple[PodAffinityTerm, ...]:
    """Return the terms of the required podAntiAffinity of a pod, complete.

    Raises ValueError if the object is malformed.
    """
    if not read_field(pod, "spec.affinity", dict):  # most pods have none
        return ()
    terms = read_terms(read_field(pod, "spec.affinity.podAntiAffinity", dict))
    namespace = read_field(pod, "metadata.namespace", str) or DEFAULT_NAMESPACE
    labels = read_field(pod, "metadata.labels", dict)
    return tuple(term.resolve(namespace, labels) for term in terms)


def read_terms(affinity: Mapping[str, Any]) -> tuple[PodAffinityTerm, ...]:
    """Return the required terms of a podAffinity or podAntiAffinity. Raises ValueError if it is malformed."""
    return tuple(map(_read_term, read_field(affinity, REQUIRED, list)))


def _read_term(item: Any) -> PodAffinityTerm:
    return PodAffinityTerm(
        topology_key=read_field(item, "topologyKey", str),
        selector=read_selector(item, "labelSelector"),
        namespaces=frozenset(_read_texts(item, "namespaces")),
        namespace_selector=read_selector(item, "namespaceSelector"),
        match_label_keys=_read_texts(item, "matchLabelKeys"),
        mismatch_label_keys=_read_texts(item, "mismatchLabelKeys"),
    )


def read_selector(item: Mapping[str, Any], name: str) -> LabelSelector | None:
    """Return the label selector in a field; None if it is absent. Raises ValueError if it is malformed."""
    if item.get(name) is None:
        return None
    selector = read_field(item, name, dict)
    labels = read_field(selector, "matchLabels", dict)
    equal = (
        Requirement(key=key, operator="In", values=(_check_text(value, "matchLabels"),))
        for key, value in labels.items()
    )
    expressions = map(_read_expression, read_field(selector, "matchExpressions", list))
    return _make_selector((*equal, *expressions))


def _read_expression(item: Any) -> Requirement:
    operator = read_field(item, "operator", str)
    if operator not in SELECTOR_OPERATORS:
        raise ValueError(f"has a label selector with the unknown operator {operator!r}")
    return Requirement(
        key=read_field(item, "key", str), operator=operator, values=_read_texts(item, "values")
    )


def _read_texts(item: Any, name: str) -> tuple[str, ...]:
    return tuple(_check_text(each, name) for each in read_field(item, name, list))


def _check_text(value: Any, name: str) -> str:
    """Return a string; null counts as empty."""
    if not isinstance(value, str | None):
        raise ValueError(f"has a value in {name} that is not a string; put it in quotes")  # noqa: TRY004
    return value or ""


def require_equal(keys: tuple[str, ...], labels: Labels, operator: str) -> tuple[Requirement, ...]:
    """Return a requirement for each of ``keys`` that ``labels`` have: ``In`` or ``NotIn`` the same value."""
    return tuple(
        Requirement(key=key, operator=operator, values=(labels[key],)) for key in keys if key in labels
    )


def _make_selector(requirements: tuple[Requirement, ...]) -> LabelSelector:
    return LabelSelector(text=",".join(map(str, dict.fromkeys(requirements))), requirements=requirements)
