"""Labels for people and pipes: a grouped table, JSON, YAML, or the feature file's lines."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gfd.labels.syntax import Labels


def to_table(labels: Labels) -> str:
    """Return the labels in aligned columns, a paragraph a group, with a count at the foot."""
    width = max((len(key) for key in labels), default=0)
    paragraphs = (
        "".join(f"{key:<{width}}  {labels[key]}".rstrip() + "\n" for key in group) for group in _group(labels)
    )
    return "\n".join([*paragraphs, f"{len(labels)} labels\n"])


def to_rich_table(labels: Labels) -> str | None:
    """Return :func:`to_table` in colour for a terminal; None where rich is not installed."""
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ImportError:
        return None
    table = Table(box=None, pad_edge=False, show_header=False)
    for number, group in enumerate(_group(labels)):
        if number:
            table.add_row()
        for key in group:
            prefix, slash, name = key.rpartition("/")
            table.add_row(Text.assemble((prefix + slash, "dim"), (name, "cyan")), Text(labels[key]))
    console = Console()
    with console.capture() as capture:
        console.print(table)
        console.print(f"\n{len(labels)} labels", style="dim", highlight=False)
    return capture.get()


def to_nfd(labels: Labels) -> str:
    """Return the lines of NFD's feature file."""
    from gfd.publishing.sinks.text import to_lines

    return to_lines(labels)


def to_json(labels: Labels) -> str:
    """Return the labels as a JSON object."""
    return json.dumps(labels, indent=2, sort_keys=True) + "\n"


def to_yaml(labels: Labels) -> str:
    """Return the labels as a YAML mapping, fit for a manifest: every value is a string."""
    return "".join(f"{key}: {json.dumps(labels[key])}\n" for key in sorted(labels)) or "{}\n"


FORMATS: dict[str, Callable[[Labels], str]] = {
    "table": to_table,
    "json": to_json,
    "yaml": to_yaml,
    "nfd": to_nfd,
}


def _group(labels: Labels) -> Iterable[list[str]]:
    """Yield the keys in groups: by prefix and what stands before the name's first dot."""
    groups: dict[tuple[str, str], list[str]] = {}
    for key in sorted(labels):
        prefix, _, name = key.rpartition("/")
        first = name.split(".")[0]
        # mig-1g.5gb.count: a profile holds a dot itself.
        if first.startswith("mig-"):
            first = name.rpartition("gb")[0]
        groups.setdefault((prefix, first), []).append(key)
    return groups.values()
