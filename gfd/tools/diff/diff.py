"""Compare the labels of this machine with those that each sink holds.

The value of the timestamp is ignored: the service publishes the time of its start.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gfd.errors import ApiError, PublishError
from gfd.labels.syntax import TIMESTAMP
from gfd.text import escape
from gfd.tools.terminal import BOLD, DIM, GREEN, RED, YELLOW, paint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.config.model import Config
    from gfd.labels.syntax import Labels
    from gfd.publishing.preview import PlannedChange

Kind = Literal["added", "removed", "changed", "blocked", "same", "foreign"]

_SIGNS: dict[Kind, tuple[str, str]] = {
    "added": ("+", GREEN),
    "removed": ("-", RED),
    "changed": ("~", YELLOW),
    "blocked": ("!", RED),
    "foreign": (" ", DIM),
}
"""Kind -> sign and style of its lines, in the order of the lines; unchanged labels have no line."""

CHANGES: tuple[Kind, ...] = ("added", "removed", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What gfd would do with one key."""

    kind: Kind
    """``blocked``: another program holds the key with another value, or NFD publishes it."""
    planned: PlannedChange
    wanted: str | None
    """The value that gfd renders; None if gfd does not render the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkDiff:
    """What gfd would change in one sink."""

    sink: str
    target: str
    changes: tuple[KeyChange, ...]

    def count(self, kind: Kind) -> int:
        """Return the number of keys of a kind."""
        return sum(change.kind == kind for change in self.changes)

    @property
    def has_changes(self) -> bool:
        """Whether gfd would change anything."""
        return any(self.count(kind) for kind in CHANGES)


def compare(config: Config, labels: Labels) -> Iterator[SinkDiff | PublishError]:
    """Yield what publishing ``labels`` would change in each sink, and the errors that would prevent it.

    Standard output is skipped, because it stores nothing.
    """
    from gfd.publishing.sinks import SINKS, make_previous_publication

    for name in config.sinks:
        if name == "stdout":
            continue
        sink = SINKS[name](config, lambda _: None)
        try:
            planned_changes = sink.preview(labels)
        except PublishError as error:
            yield error
            continue
        changes = tuple(
            KeyChange(kind=_classify(each, labels.get(each.key)), planned=each, wanted=labels.get(each.key))
            for each in planned_changes
        )
        yield SinkDiff(sink=name, target=sink.target, changes=changes)
        blocked = [each.key for each in planned_changes if each.is_blocked]
        if blocked:
            try:
                reason = make_previous_publication(config).explain(blocked)
            except ApiError as error:
                reason = f"NFD publishes {', '.join(blocked)}: {error}"
            yield PublishError(name, sink.target, reason, kind="held_by_nfd")


def _classify(planned: PlannedChange, wanted: str | None) -> Kind:
    now, then = planned.now, planned.then
    if planned.is_blocked:
        return "blocked"
    if now is None:
        return "added"
    if then is None:
        return "removed"
    if now == then and wanted is None:
        return "foreign"
    if planned.key == TIMESTAMP or now == then == wanted:
        return "same"
    return "blocked" if now == then else "changed"


def to_text(diff: SinkDiff, *, is_coloured: bool = False) -> str:
    """Return a heading, a line for each change, and a summary."""
    lines = [paint(escape(f"--sink {diff.sink}: {diff.target}"), BOLD, is_coloured=is_coloured)]
    for kind, (sign, style) in _SIGNS.items():
        for change in diff.changes:
            if change.kind == kind:
                line = escape(f"{sign} {_describe(change)}")
                lines.append(paint(line, style, is_coloured=is_coloured))
    return "\n".join([*lines, summarise(diff)]) + "\n"


def summarise(diff: SinkDiff) -> str:
    """Return the summary: ``1 added, 2 changed; 31 unchanged, 2 of other programs``."""
    counts = {kind: diff.count(kind) for kind in (*CHANGES, "blocked")}
    changed = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return (
        f"{changed or 'no changes'}; {diff.count('same')} unchanged, "
        f"{diff.count('foreign')} of other programs"
    )


def to_json(diffs: Iterable[SinkDiff]) -> str:
    """Return all keys as JSON, including unchanged ones."""
    plain = [
        {
            "sink": diff.sink,
            "target": diff.target,
            "changes": [
                {
                    "key": change.planned.key,
                    "kind": change.kind,
                    "now": change.planned.now,
                    "then": change.planned.then,
                    "wanted": change.wanted,
                    "holders": list(change.planned.holders),
                    "annotation": change.planned.is_annotation,
                }
                for change in diff.changes
            ],
        }
        for diff in diffs
    ]
    return json.dumps(plain, indent=2) + "\n"


def _describe(change: KeyChange) -> str:
    planned = change.planned
    now, then = planned.now, planned.then
    if change.kind == "changed":
        text = f"{planned.key}: {now} → {then}"
    elif change.kind == "blocked" and now != change.wanted:
        text = f"{planned.key}: {now} instead of {change.wanted}"
    else:
        text = f"{planned.key}={then if now is None else now}"
    annotation = " (annotation)" if planned.is_annotation else ""
    return f"{text}{annotation}" + (f"  [{', '.join(planned.holders)}]" if planned.holders else "")
