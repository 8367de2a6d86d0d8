"""Compare the labels of a running node with those that ``gfd template`` printed for it.

A file may hold only a few of the labels, so a label that is not in it is no fault of the node.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gfd.labels.syntax import CLIQUE, TIMESTAMP
from gfd.text import escape
from gfd.tools.template.model import is_gfd_key
from gfd.tools.terminal import BOLD, DIM, GREEN, RED, YELLOW, paint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gfd.labels.syntax import Labels
    from gfd.tools.template.saved_file import SavedTemplate

Finding = Literal["missing", "different", "extra", "run-time", "not compared", "as promised"]

_SIGNS: dict[Finding, tuple[str, str]] = {
    "missing": ("-", RED),
    "different": ("~", YELLOW),
    "extra": ("+", GREEN),
    "run-time": (" ", DIM),
    "not compared": ("?", DIM),
}
"""Finding -> sign and style of its lines, in the order of the lines; the other labels have no line."""
_FAULTS: tuple[Finding, ...] = ("missing", "different")
_RUN_TIME = re.compile(r"nvidia\.com/cuda\.(?:driver|runtime)[.-].+")
_NOTES: dict[Finding, str] = {
    "run-time": "known only at run time",
    "not compared": "not compared: only the Node has it; add --node NAME",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelComparison:
    """One label, as promised and as it is."""

    key: str
    finding: Finding
    promised: str | None
    """The value in the file; None if the file does not have the label."""
    actual: str | None
    """The value of the node; None if it does not have the label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateDiff:
    """The labels of a node beside those of a template."""

    template: SavedTemplate
    target: str
    """``this machine``, ``Node gpu-1`` or the name of a simulated machine."""
    labels: tuple[LabelComparison, ...]

    def count(self, finding: Finding) -> int:
        """Return the number of labels with a finding."""
        return sum(each.finding == finding for each in self.labels)

    @property
    def is_compared(self) -> bool:
        """Whether at least one label of the template could be compared."""
        return any(map(self.count, ("as promised", *_FAULTS)))

    @property
    def has_faults(self) -> bool:
        """Whether the node lacks a label, or has another value than promised."""
        return any(map(self.count, _FAULTS))


def compare_with_template(
    template: SavedTemplate, target: str, actual: Labels, is_comparable: Callable[[str], bool]
) -> TemplateDiff:
    """Return each label of the template and of the node, with what the comparison finds.

    ``is_comparable`` tells whether ``actual`` would have the label with that key, if the node had it.
    """
    keys = sorted(template.labels.keys() | {key for key in actual if is_gfd_key(key)})
    labels = tuple(
        LabelComparison(
            key=key,
            finding=_classify(key, template.labels.get(key), actual.get(key), is_comparable),
            promised=template.labels.get(key),
            actual=actual.get(key),
        )
        for key in keys
    )
    return TemplateDiff(template=template, target=target, labels=labels)


def _classify(
    key: str, promised: str | None, actual: str | None, is_comparable: Callable[[str], bool]
) -> Finding:
    if promised == actual:
        return "as promised"
    if key in (TIMESTAMP, CLIQUE) or _RUN_TIME.fullmatch(key):
        return "run-time"
    if promised is None:
        return "extra"
    if actual is None:
        return "missing" if is_comparable(key) else "not compared"
    return "different"


def to_text(diff: TemplateDiff, *, is_coloured: bool = False) -> str:
    """Return a heading, a line for each label that is not as promised, and a summary."""
    heading = escape(f"{diff.template.source} ({diff.template.format}), compared with {diff.target}")
    lines = [paint(heading, BOLD, is_coloured=is_coloured)]
    for finding, (sign, style) in _SIGNS.items():
        for each in diff.labels:
            if each.finding == finding and (finding != "run-time" or each.promised is not None):
                line = escape(f"{sign} {_describe(each)}")
                lines.append(paint(line, style, is_coloured=is_coloured))
    return "\n".join([*lines, summarise(diff)]) + "\n"


def summarise(diff: TemplateDiff) -> str:
    """Return the summary: ``1 missing, 2 different; 20 as promised, 3 extra``."""
    faults = ", ".join(f"{count} {finding}" for finding in _FAULTS if (count := diff.count(finding)))
    others = ", ".join(_list_others(diff))
    return f"{faults or 'nothing missing or different'}; {others}"


def _list_others(diff: TemplateDiff) -> Iterator[str]:
    yield f"{diff.count('as promised')} as promised"
    yield f"{diff.count('extra')} extra"
    if count := diff.count("run-time"):
        yield f"{count} known only at run time"
    if count := diff.count("not compared"):
        yield f"{count} not compared"


def to_json(diff: TemplateDiff) -> str:
    """Return all labels as JSON, including those that are as promised."""
    plain = {
        "template": diff.template.source,
        "format": diff.template.format,
        "target": diff.target,
        "labels": [
            {"key": each.key, "kind": each.finding, "promised": each.promised, "actual": each.actual}
            for each in diff.labels
        ],
    }
    return json.dumps(plain, indent=2) + "\n"


def _describe(label: LabelComparison) -> str:
    note = _NOTES.get(label.finding)
    suffix = f"  [{note}]" if note else ""
    if label.promised is not None and label.actual is not None:
        return f"{label.key}: {label.actual} instead of {label.promised}{suffix}"
    return f"{label.key}={label.actual if label.promised is None else label.promised}{suffix}"
