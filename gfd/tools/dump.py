"""Format labels as a table, JSON, YAML, or lines of NFD's feature file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gfd.tools.table import Styled, format_table
from gfd.tools.terminal import DIM

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.labels.syntax import Labels
    from gfd.tools.table import Cell


def to_table(labels: Labels, *, is_coloured: bool = False) -> str:
    """Return the labels in aligned columns, a blank line between groups, and how many there are."""
    rows: list[Sequence[Cell]] = []
    for group in _group(labels):
        for key in group:
            prefix = len(key) - len(key.rpartition("/")[2])
            rows.append((Styled(text=key, style=DIM, length=prefix), labels[key]))
        rows.append(())
    return format_table(rows, is_coloured=is_coloured) + f"{len(labels)} labels\n"


def to_nfd(labels: Labels) -> str:
    """Return the lines of NFD's feature file."""
    from gfd.publishing.sinks.feature_text import format_labels

    return format_labels(labels)


def to_json(labels: Labels) -> str:
    """Return the labels as a JSON object."""
    return json.dumps(labels, indent=2, sort_keys=True) + "\n"


def to_yaml(labels: Labels) -> str:
    """Return the labels as a YAML mapping for a manifest: every value is a string."""
    return "".join(f"{key}: {json.dumps(labels[key])}\n" for key in sorted(labels)) or "{}\n"


FORMATS: dict[str, Callable[[Labels], str]] = {
    "table": to_table,
    "json": to_json,
    "yaml": to_yaml,
    "nfd": to_nfd,
}


def _group(labels: Labels) -> Iterable[list[str]]:
    """Return the keys in groups: those with the same prefix and the same first word of the name."""
    groups: dict[tuple[str, str], list[str]] = {}
    for key in sorted(labels):
        prefix, _, name = key.rpartition("/")
        first = name.split(".")[0]
        # In mig-1g.5gb.count, the first dot is part of the profile.
        if first.startswith("mig-"):
            first = name.rpartition("gb")[0]
        groups.setdefault((prefix, first), []).append(key)
    return groups.values()
