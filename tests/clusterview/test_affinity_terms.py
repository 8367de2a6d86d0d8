"""Which pods a term of podAffinity or podAntiAffinity means."""

from __future__ import annotations

from typing import Any

import pytest

from gfd.clusterview.affinity_terms import PodAffinityTerm, read_anti_affinity, read_selector, read_terms

WEB = {"matchLabels": {"app": "web"}}


def term(**members: Any) -> PodAffinityTerm:
    """Return the term of a pod app=web, tier=a in the namespace own."""
    item = {"topologyKey": "zone", "labelSelector": WEB, **members}
    (found,) = read_terms({"requiredDuringSchedulingIgnoredDuringExecution": [item]})
    return found.resolve("own", {"app": "web", "tier": "a"})


def test_selector() -> None:
    expressions = [
        {"key": "a", "operator": "In", "values": ["b", "c"]},
        {"key": "d", "operator": "DoesNotExist"},
    ]
    selector = read_selector({"s": {**WEB, "matchExpressions": expressions}}, "s")
    assert selector is not None
    assert selector.text == "app=web,a in (b,c),!d"
    assert selector.matches({"app": "web", "a": "b"})
    assert not selector.matches({"app": "web", "a": "b", "d": ""})
    assert read_selector({}, "s") is None
    everything = read_selector({"s": {}}, "s")
    assert everything is not None
    assert everything.matches({})


def test_the_own_namespace_unless_others_are_named() -> None:
    labels = {"app": "web"}
    assert term().matches("own", labels, None) is True
    assert term().matches("other", labels, None) is False
    assert term(namespaces=["other"]).matches("other", labels, None) is True
    assert term(namespaces=["other"]).matches("own", labels, None) is False
    assert term().matches("own", {"app": "db"}, None) is False
    assert term(labelSelector=None).matches("own", labels, None) is False
    assert term(labelSelector={}).matches("own", {}, None) is True


def test_namespace_selector() -> None:
    labels = {"app": "web"}
    assert term(namespaceSelector={}).matches("any", labels, None) is True
    named = term(namespaceSelector={"matchLabels": {"kubernetes.io/metadata.name": "x"}})
    assert named.matches("x", labels, None) is True
    assert named.matches("own", labels, None) is False
    chosen = term(namespaces=["other"], namespaceSelector={"matchLabels": {"team": "a"}})
    assert chosen.matches("x", labels, None) is None
    assert chosen.matches("other", labels, None) is True
    assert chosen.matches("x", {}, None) is False
    assert chosen.matches("x", labels, {"x": {"team": "a"}}) is True
    assert chosen.matches("x", labels, {"x": {"team": "b"}}) is False
    assert chosen.matches("x", labels, {}) is False


def test_label_keys() -> None:
    same = term(labelSelector={}, matchLabelKeys=["tier", "missing"])
    assert str(same) == "a pod with tier=a in the same zone"
    assert same.matches("own", {"tier": "a"}, None) is True
    assert same.matches("own", {"tier": "b"}, None) is False
    assert str(term(mismatchLabelKeys=["tier"])) == "a pod with app=web,tier!=a in the same zone"
    assert term(labelSelector=None, matchLabelKeys=["tier"]).matches("own", {"tier": "a"}, None) is False


def test_text() -> None:
    assert str(term()) == "a pod with app=web in the same zone"
    assert str(term(labelSelector={})) == "a pod in the same zone"
    assert str(term(labelSelector=None)) == (
        "no pod at all, because labelSelector is missing in the same zone"
    )


def test_anti_affinity_of_a_pod() -> None:
    item = {"topologyKey": "zone", "labelSelector": WEB}
    anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [item]}}
    (found,) = read_anti_affinity({"metadata": {"namespace": "own"}, "spec": {"affinity": anti}})
    assert found.namespaces == {"own"}
    assert read_anti_affinity({"metadata": {}, "spec": {}}) == ()
    assert read_anti_affinity({"metadata": {}, "spec": {"affinity": {"podAffinity": {}}}}) == ()
    with pytest.raises(ValueError, match=r"has a field spec\.affinity that is not a mapping"):
        read_anti_affinity({"spec": {"affinity": []}})


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"namespaces": [{}]}, "has a value in namespaces that is not a string; put it in quotes"),
        (
            {"labelSelector": {"matchLabels": {"a": 5}}},
            "has a value in matchLabels that is not a string; put it in quotes",
        ),
        (
            {"labelSelector": {"matchExpressions": [{"key": "a", "operator": "in", "values": ["b"]}]}},
            "has a label selector with the unknown operator 'in'",
        ),
        ({"labelSelector": []}, "has a field labelSelector that is not a mapping"),
    ],
)
def test_malformed(members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        term(**members)
