"""Read the required podAffinity and podAntiAffinity of a PodSpec.

Preferred terms are checked, but not read: they exclude no node.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.affinity_terms import PREFERRED, REQUIRED, read_terms
from gfd.tools.match.podspec import pod_rules, rules
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.label_selectors import check_label_keys, check_selector

if TYPE_CHECKING:
    from gfd.clusterview.affinity_terms import PodAffinityTerm
    from gfd.documents.value import Value

_TERM_FIELDS = (
    *("labelSelector", "matchLabelKeys", "mismatchLabelKeys"),
    *("namespaceSelector", "namespaces", "topologyKey"),
)


def read_pod_affinity(affinity: Value | None, name: str) -> tuple[PodAffinityTerm, ...]:
    """Return the required terms of ``podAffinity`` or ``podAntiAffinity``, by its name.

    Raises DocumentError.
    """
    value = affinity.member(name) if affinity else None
    if value is None:
        return ()
    for item in read_items(value.only(REQUIRED, PREFERRED), REQUIRED):
        _check_term(item)
    for item in read_items(value, PREFERRED):
        weight = item.only("weight", "podAffinityTerm").member("weight")
        rules.check(item, weight.integer() if weight else 0, rules.WEIGHT)
        _check_term(item.field("podAffinityTerm"))
    return read_terms(value.plain())


def _check_term(item: Value) -> None:
    """Raise DocumentError for a term that the API server refuses."""
    item.only(*_TERM_FIELDS)
    check_selector(item.member("labelSelector"))
    check_selector(item.member("namespaceSelector"))
    for namespace in read_items(item, "namespaces"):
        rules.check(namespace, read_text(namespace), pod_rules.NAMESPACE)
    check_label_keys(item)
    rules.check(item, read_text(item, "topologyKey"), pod_rules.TOPOLOGY_KEY)
