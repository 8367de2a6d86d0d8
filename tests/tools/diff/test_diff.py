from __future__ import annotations

from gfd.labels.syntax import TIMESTAMP
from gfd.publishing.preview import PlannedChange
from gfd.tools.diff.diff import KeyChange, Kind, SinkDiff, _classify, summarise, to_text

COUNT = "nvidia.com/gpu.count"


def kind(now: str | None, then: str | None, wanted: str | None, key: str = COUNT) -> Kind:
    return _classify(PlannedChange(key=key, now=now, then=then), wanted)


def test_kinds_of_changes() -> None:
    assert kind(None, "1", "1") == "added"
    assert kind("1", None, None) == "removed"
    assert kind("1", "2", "2") == "changed"
    assert kind("1", "1", "1") == "same"
    assert kind("1", "1", "2") == "blocked"
    assert kind("1", "1", None) == "foreign"


def test_the_value_of_the_timestamp_is_ignored() -> None:
    assert kind("1", "2", "2", TIMESTAMP) == "same"
    assert kind("1", "1", "2", TIMESTAMP) == "same"
    assert kind(None, "1", "1", TIMESTAMP) == "added"
    assert kind("1", None, None, TIMESTAMP) == "removed"


def change(key: str, now: str | None, then: str | None, wanted: str | None, *holders: str) -> KeyChange:
    planned = PlannedChange(key=key, now=now, then=then, holders=holders, is_annotation=key == "e")
    return KeyChange(kind=_classify(planned, wanted), planned=planned, wanted=wanted)


DIFF = SinkDiff(
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
    assert to_text(DIFF) == (
        "--sink node: nodes/n1\n"
        "+ a=1\n"
        "- b=1\n"
        "~ c: 1 → 2  [kubectl]\n"
        "! d: 1 instead of 2  [nfd-master, x]\n"
        "  e=1 (annotation)\n"
        "1 added, 1 removed, 1 changed, 1 blocked; 1 unchanged, 1 of other programs\n"
    )
    assert DIFF.has_changes
    coloured = to_text(DIFF, is_coloured=True).splitlines()
    assert coloured[:2] == ["\x1b[1m--sink node: nodes/n1\x1b[0m", "\x1b[32m+ a=1\x1b[0m"]


def test_blocked_keys_are_no_changes() -> None:
    blocked = SinkDiff(sink="node", target="nodes/n1", changes=DIFF.changes[3:])
    assert not blocked.has_changes
    assert summarise(blocked) == "1 blocked; 1 unchanged, 1 of other programs"
