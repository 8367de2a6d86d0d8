"""Check the label selectors of a PodSpec, and the keys that the API server adds to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.kube.requirements import Requirement
from gfd.tools.match.podspec import pod_rules, rules
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.pod_rules import LabelKeys
from gfd.tools.match.podspec.rules import Label

if TYPE_CHECKING:
    from gfd.documents.value import Value


def check_selector(selector: Value | None) -> None:
    """Raise DocumentError for a label selector that the API server refuses."""
    if selector is None:
        return
    selector.only("matchLabels", "matchExpressions")
    labels = selector.member("matchLabels")
    for key, entry in labels.mapping().items() if labels else ():
        rules.check(entry, Label(key, read_text(entry)), rules.NODE_LABEL)
    for item in read_items(selector, "matchExpressions"):
        values = read_items(item.only("key", "operator", "values"), "values")
        requirement = Requirement(
            key=read_text(item, "key"),
            operator=read_text(item, "operator"),
            values=tuple(map(read_text, values)),
        )
        rules.check(item, requirement, pod_rules.SELECTOR_EXPRESSION)
        for value, text in zip(values, requirement.values, strict=True):
            rules.check(value, Label(requirement.key, text), rules.NODE_LABEL)


def check_label_keys(item: Value) -> None:
    """Raise DocumentError for matchLabelKeys and mismatchLabelKeys that the API server refuses."""
    keys = {name: read_items(item, name) for name in ("matchLabelKeys", "mismatchLabelKeys")}
    match, mismatch = (tuple(map(read_text, values)) for values in keys.values())
    selector = item.member("labelSelector")
    repeated = _find_repeated(selector, match) if selector else ()
    rules.check(item, LabelKeys(match, mismatch, selector is not None, repeated), pod_rules.LABEL_KEYS)
    for value in (value for values in keys.values() for value in values):
        rules.check(value, read_text(value), pod_rules.LABEL_KEY)


def _find_repeated(selector: Value, keys: tuple[str, ...]) -> tuple[str, ...]:
    """Return the keys that are in ``keys`` twice, or in the selector, too.

    The API server adds each key to the selector of a pod, as ``In`` with one value, so a pod of the cluster
    has it there.
    """
    labels = selector.member("matchLabels")
    written = [*(labels.mapping() if labels else ()), *keys]
    written += (
        read_text(each, "key")
        for each in read_items(selector, "matchExpressions")
        if read_text(each, "operator") != "In" or len(read_items(each, "values")) != 1
    )
    return tuple(key for key in keys if written.count(key) > 1)
