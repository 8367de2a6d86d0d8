from __future__ import annotations

from gfd.labels.syntax import TIMESTAMP
from gfd.publishing.preview import PlannedChange
from gfd.tools.diff.diff import Change, Comparison, Kind, _classify, summarise, to_text

COUNT = "nvidia.com/gpu.count"


def kind(now: str | None, then: str | None, wanted: str | None, key: str = COUNT) -> Kind:
    return _classify(PlannedChange(key=key, now=now, then=then), wanted)


def test_what_becomes_of_a_key() -> None:
    assert kind(None, "1", "1") == "added"
    assert kind("1", None, None) == "removed"
    assert kind("1", "2", "2") == "changed"
    assert kind("1", "1", "1") == "same"
    assert kind("1", "1", "2") == "blocked"
    assert kind("1", "1", None) == "foreign"


def test_the_value_of_the_timestamp_is_no_difference() -> None:
    assert kind("1", "2", "2", TIMESTAMP) == "same"
    assert kind("1", "1", "2", TIMESTAMP) == "same"
    assert kind(None, "1", "1", TIMESTAMP) == "added"
    assert kind("1", None, None, TIMESTAMP) == "removed"


def change(key: str, now: str | None, then: str | None, wanted: str | None, *holders: str) -> Change:
    prospect = PlannedChange(key=key, now=now, then=then, holders=holders, is_annotation=key == "e")
    return Change(kind=_classify(prospect, wanted), prospect=prospect, wanted=wanted)


COMPARISON = Comparison(
    sink="node",
    target="nodes/n1",
    changes=(
        change("a", None, "1", "1"),
        change("b", "1", None, None),
        change("c", "1", "2", "2", "kubectl"),
        change("d", "1", "1", "2", "nfd-master", "x"),
        change("e", "1", "1", None),
        change("f", "1", "1", "1"),
    ),
)


def test_text() -> None:
    assert to_text(COMPARISON) == (
        "--sink node: nodes/n1\n"
        "+ a=1\n"
        "- b=1\n"
        "~ c: 1 → 2  [kubectl]\n"
        "! d: 1, and not 2  [nfd-master, x]\n"
        "  e=1 (annotation)\n"
        "1 added, 1 removed, 1 changed, 1 blocked; 1 the same, 1 of others\n"
    )
    assert COMPARISON.has_changes
    coloured = to_text(COMPARISON, is_coloured=True).splitlines()
    assert coloured[:2] == ["\x1b[1m--sink node: nodes/n1\x1b[0m", "\x1b[32m+ a=1\x1b[0m"]


def test_what_is_blocked_does_not_change() -> None:
    blocked = Comparison(sink="node", target="nodes/n1", changes=COMPARISON.changes[3:])
    assert not blocked.has_changes
    assert summarise(blocked) == "1 blocked; 1 the same, 1 of others"
