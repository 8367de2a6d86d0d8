"""The query of ``gfd nodes``, and its answer."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gfd.clusterview.dra.node_devices import explain_unclaimed
from gfd.clusterview.garbage_collector import without_garbage_collector
from gfd.clusterview.sources import read_nodes
from gfd.config.options import COMMAND_LINE
from gfd.config.values import parse_choice
from gfd.errors import ConfigError
from gfd.kube import selectors
from gfd.text import print_error
from gfd.tools.nodes import holders, terminal_table
from gfd.tools.nodes.columns import COLUMNS, list_columns
from gfd.tools.nodes.dra_fields import explain_problems
from gfd.tools.nodes.formats import FORMATS
from gfd.tools.nodes.node_table import build_table
from gfd.tools.terminal import BOLD, cut, is_coloured, paint, width_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from gfd.config.model import LoadedConfig
    from gfd.kube.selectors import LabelSelector
    from gfd.labels.syntax import Labels
    from gfd.tools.nodes.node_table import NodeTable

UNKNOWN_PODS = "warning: allocated and free devices are unknown: {}"
FORBIDDEN_PODS = "listing pods is forbidden; grant the verb list on pods"
_MISSING_PODS = "pass the output of kubectl get pods -A -o json with --pods"
_NO_GPUS = (
    "warning: no node offers GPUs or has GPU labels; to see whether gfd runs on a node: "
    "kubectl get pods -A -l app.kubernetes.io/name=gfd -o wide"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeQuery:
    """The nodes to print, their order and the format."""

    nodes_file: Path | None = None
    pods_file: Path | None = None
    selector: LabelSelector | None = None
    sort_by: tuple[str, ...] = ()
    """The names of columns to sort by; a leading ``-`` reverses a column."""
    format: str = "table"
    """``table``, ``wide``, or a key of :data:`gfd.tools.nodes.formats.FORMATS`."""
    has_drawing: bool = False
    """Whether to draw the MIG devices of each node below the table."""
    has_pods: bool = False
    """Whether to name the pods that hold devices."""


def parse_selector(text: str | None) -> LabelSelector | None:
    """Return the selector of --selector; None without it. Raises ConfigError."""
    if text is None:
        return None
    try:
        return selectors.parse(text)
    except ValueError as error:
        raise ConfigError("--selector", COMMAND_LINE, str(error)) from None


def parse_sort(names: Sequence[str]) -> tuple[str, ...]:
    """Return the columns for --sort. Raises ConfigError for a column that does not exist."""
    known = [column.name for column in COLUMNS]
    try:
        for name in names:
            parse_choice(name.removeprefix("-"), known)
    except ValueError as error:
        raise ConfigError("--sort", COMMAND_LINE, str(error)) from None
    return tuple(names)


def check_combination(query: NodeQuery, *, is_watched: bool) -> None:
    """Raise ConfigError if --draw or --show-pods is combined with an option that it does not work with."""
    other = "--watch" if is_watched else f"-o {query.format}"
    if query.has_drawing and (is_watched or query.format in FORMATS):
        raise ConfigError("--draw", COMMAND_LINE, f"cannot be combined with {other}")
    if query.has_pods and is_watched:
        raise ConfigError("--show-pods", COMMAND_LINE, "cannot be combined with --watch")


def answer(loaded: LoadedConfig, query: NodeQuery) -> str:
    """Return the text to print, and print warnings to standard error. Raises GfdError."""
    with without_garbage_collector():
        return _answer(loaded, query)


def _answer(loaded: LoadedConfig, query: NodeQuery) -> str:
    nodes = read_nodes(loaded, query.nodes_file, query.pods_file, selector=query.selector, has_slices=True)
    now = datetime.now(UTC)
    table = build_table(nodes, query.sort_by, now)
    if any(not node.is_counted for node in nodes):
        print_error(UNKNOWN_PODS.format(FORBIDDEN_PODS if query.nodes_file is None else _MISSING_PODS))
    if query.nodes_file is not None and (unclaimed := explain_unclaimed(nodes)):
        print_error(f"warning: {unclaimed}")
    for warning in explain_problems(table.rows):
        print_error(warning)
    if nodes and not table.rows and query.selector is None:
        print_error(_NO_GPUS)
    if query.format in FORMATS:
        return FORMATS[query.format](table, has_pods=query.has_pods)
    text = render_table(table, query, now)
    if query.has_pods and table.rows:
        width = None if query.format == "wide" else width_of(sys.stdout)
        text += "\n" + holders.to_text(table, now, width=width, is_coloured=is_coloured(sys.stdout))
    if query.has_drawing:
        text += _draw_devices(table, {node.name: node.labels for node in nodes})
    return text


def render_table(table: NodeTable, query: NodeQuery, now: datetime, *, height: int | None = None) -> str:
    """Return the table for standard output, in at most ``height`` lines."""
    is_wide = query.format == "wide"
    # -o wide shows all columns, even on a narrow terminal.
    width = None if is_wide else width_of(sys.stdout)
    coloured = is_coloured(sys.stdout)
    if not table.rows:
        return terminal_table.format_totals(table, width=width, is_coloured=coloured)
    columns = list_columns(is_wide=is_wide, has_dra=table.has_dra)
    return terminal_table.to_text(table, columns, now, width=width, height=height, is_coloured=coloured)


def _draw_devices(table: NodeTable, labels: Mapping[str, Labels]) -> str:
    """Return a drawing of the MIG devices of each node that has any."""
    from gfd.tools.drawing import draw_layout

    width, coloured = width_of(sys.stdout), is_coloured(sys.stdout)
    text = ""
    for row in table.rows:
        if drawing := draw_layout(labels[row.node], width=width):
            text += f"\n{paint(cut(row.node, width), BOLD, is_coloured=coloured)}\n{drawing}"
    return text
