"""What ``gfd nodes`` is asked, and its answer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gfd.clusterview.sources import read_nodes
from gfd.config.options import COMMAND_LINE
from gfd.config.values import parse_choice
from gfd.errors import ConfigError
from gfd.kube import selectors
from gfd.text import print_error
from gfd.tools.nodes import table, terminal_table
from gfd.tools.nodes.columns import COLUMNS
from gfd.tools.terminal import BOLD, cut, is_coloured, paint, width_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gfd.config.load import Loaded
    from gfd.kube.selectors import LabelSelector
    from gfd.labels.syntax import Labels
    from gfd.tools.nodes.table import Roster

UNCOUNTED = "warning: what is allocated and free is unknown: {}"
UNLABELLED = (
    "warning: no node offers a GPU or has a label of one; where one should, see whether gfd runs "
    "there: kubectl get pods -A -l app.kubernetes.io/name=gfd -o wide"
)
NO_PODS = "pods may not be listed; the verb list on pods is needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which nodes, in which order, and how to print them."""

    nodes_file: Path | None = None
    pods_file: Path | None = None
    selector: LabelSelector | None = None
    order: tuple[str, ...] = ()
    """Names of columns, with a leading ``-`` where turned round."""
    form: str = "table"
    """``table``, ``wide``, or a key of :data:`FORMATS`."""
    is_drawn: bool = False
    """Whether the MIG devices of each node are drawn below the table."""


FORMATS: Mapping[str, Callable[[Roster], str]] = {
    "json": table.to_json,
    "yaml": table.to_yaml,
    "csv": table.to_csv,
}


def read_selector(text: str | None) -> LabelSelector | None:
    """Return the parsed --selector; None without one. Raises ConfigError."""
    if text is None:
        return None
    try:
        return selectors.parse(text)
    except ValueError as error:
        raise ConfigError("--selector", COMMAND_LINE, str(error)) from None


def read_order(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns to sort by. Raises ConfigError for one that does not exist."""
    known = [column.name for column in COLUMNS]
    try:
        for name in names:
            parse_choice(name.removeprefix("-"), known)
    except ValueError as error:
        raise ConfigError("--sort", COMMAND_LINE, str(error)) from None
    return tuple(names)


def show(loaded: Loaded, asked: Asked) -> str:
    """Return the answer; what it lacks is said on standard error. Raises GfdError."""
    nodes = read_nodes(loaded, asked.nodes_file, asked.pods_file, selector=asked.selector)
    now = datetime.now(UTC)
    found = table.enrol(nodes, asked.order, now)
    if any(not node.is_counted for node in nodes):
        print_error(UNCOUNTED.format(_reason(asked)))
    if nodes and not found.rows and asked.selector is None:
        print_error(UNLABELLED)
    if asked.form in FORMATS:
        return FORMATS[asked.form](found)
    drawn = _draw_devices(found, {node.name: node.labels for node in nodes}) if asked.is_drawn else ""
    return draw(found, asked, now) + drawn


def check_drawing(form: str, *, is_watched: bool) -> None:
    """Raise ConfigError where there is no table to draw below."""
    if form in FORMATS or is_watched:
        other = "--watch" if is_watched else f"-o {form}"
        reason = f"draws below a table that is printed once; leave out {other}"
        raise ConfigError("--draw", COMMAND_LINE, reason)


def _draw_devices(found: Roster, labels: Mapping[str, Labels]) -> str:
    """Return the MIG devices of each node that has any: how many of each profile, to scale, in no place."""
    from gfd.tools.drawing import draw_layout

    width, coloured = width_of(sys.stdout), is_coloured(sys.stdout)
    text = ""
    for row in found.rows:
        if drawn := draw_layout(labels[row.node], width=width):
            text += f"\n{paint(cut(row.node, width), BOLD, is_coloured=coloured)}\n{drawn}"
    return text


def draw(found: Roster, asked: Asked, now: datetime, *, height: int | None = None) -> str:
    """Return the table for standard output, at most ``height`` lines of it."""
    is_wide = asked.form == "wide"
    # Who asks for all of it gets all of it, however narrow the terminal.
    width = None if is_wide else width_of(sys.stdout)
    coloured = is_coloured(sys.stdout)
    if not found.rows:
        return terminal_table.foot(found, width=width, is_coloured=coloured)
    columns = terminal_table.columns_of(is_wide)
    return terminal_table.to_table(found, columns, now, width=width, height=height, is_coloured=coloured)


def _reason(asked: Asked) -> str:
    if asked.nodes_file is not None:
        return "name the pods with --pods, as kubectl get pods -A -o json prints them"
    return NO_PODS
