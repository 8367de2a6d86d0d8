"""What a cycle now would change in each place for labels, and whose the other labels there are.

The value of the timestamp is no difference: a service keeps the one it began with.
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
"""In the order of the lines; what stays the same has none."""

CHANGES: tuple[Kind, ...] = ("added", "removed", "changed")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one key."""

    kind: Kind
    """``blocked`` is a key that another keeps: with another value than gfd's, or NFD with any."""
    prospect: PlannedChange
    wanted: str | None
    """What gfd renders; None: nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What a cycle would change in one sink."""

    sink: str
    target: str
    changes: tuple[Change, ...]

    def count(self, kind: Kind) -> int:
        """Return how many keys that happens to."""
        return sum(change.kind == kind for change in self.changes)

    @property
    def has_changes(self) -> bool:
        """Whether anything would change."""
        return any(self.count(kind) for kind in CHANGES)


def compare(config: Config, labels: Labels) -> Iterator[Comparison | PublishError]:
    """Yield what publishing ``labels`` would change in each sink, or why that cannot be told.

    What stands in the way of it is yielded too. Standard output is left out: it keeps nothing.
    """
    from gfd.publishing.sinks import SINKS, make_previous_publication

    for name in config.sinks:
        if name == "stdout":
            continue
        sink = SINKS[name](config, lambda _: None)
        try:
            prospects = sink.preview(labels)
        except PublishError as error:
            yield error
            continue
        changes = tuple(
            Change(kind=_classify(each, labels.get(each.key)), prospect=each, wanted=labels.get(each.key))
            for each in prospects
        )
        yield Comparison(sink=name, target=sink.target, changes=changes)
        blocked = [each.key for each in prospects if each.is_blocked]
        if blocked:
            try:
                reason = make_previous_publication(config).explain(blocked)
            except ApiError as error:
                reason = f"NFD publishes {', '.join(blocked)}: {error}"
            yield PublishError(name, sink.target, reason, kind="held_by_nfd")


def _classify(prospect: PlannedChange, wanted: str | None) -> Kind:
    now, then = prospect.now, prospect.then
    if prospect.is_blocked:
        return "blocked"
    if now is None:
        return "added"
    if then is None:
        return "removed"
    if now == then and wanted is None:
        return "foreign"
    if prospect.key == TIMESTAMP or now == then == wanted:
        return "same"
    return "blocked" if now == then else "changed"


def to_text(comparison: Comparison, *, is_coloured: bool = False) -> str:
    """Return a heading, a line a difference, and the numbers at the foot."""
    lines = [paint(escape(f"--sink {comparison.sink}: {comparison.target}"), BOLD, is_coloured=is_coloured)]
    for kind, (sign, style) in _SIGNS.items():
        for change in comparison.changes:
            if change.kind == kind:
                line = escape(f"{sign} {_describe(change)}")
                lines.append(paint(line, style, is_coloured=is_coloured))
    return "\n".join([*lines, summarise(comparison)]) + "\n"


def summarise(comparison: Comparison) -> str:
    """Return the numbers in a line: ``1 added, 2 changed; 31 the same, 2 of others``."""
    counts = {kind: comparison.count(kind) for kind in (*CHANGES, "blocked")}
    changed = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return (
        f"{changed or 'nothing would change'}; {comparison.count('same')} the same, "
        f"{comparison.count('foreign')} of others"
    )


def to_json(comparisons: Iterable[Comparison]) -> str:
    """Return the same as JSON, with what stays as it is."""
    plain = [
        {
            "sink": comparison.sink,
            "target": comparison.target,
            "changes": [
                {
                    "key": change.prospect.key,
                    "kind": change.kind,
                    "now": change.prospect.now,
                    "then": change.prospect.then,
                    "wanted": change.wanted,
                    "holders": list(change.prospect.holders),
                    "annotation": change.prospect.is_annotation,
                }
                for change in comparison.changes
            ],
        }
        for comparison in comparisons
    ]
    return json.dumps(plain, indent=2) + "\n"


def _describe(change: Change) -> str:
    prospect = change.prospect
    now, then = prospect.now, prospect.then
    if change.kind == "changed":
        text = f"{prospect.key}: {now} → {then}"
    elif change.kind == "blocked" and now != change.wanted:
        text = f"{prospect.key}: {now}, and not {change.wanted}"
    else:
        text = f"{prospect.key}={then if now is None else now}"
    annotation = " (annotation)" if prospect.is_annotation else ""
    return f"{text}{annotation}" + (f"  [{', '.join(prospect.holders)}]" if prospect.holders else "")
