"""Show a table that changes: redraw it on a terminal, or print each changed row."""

from __future__ import annotations

import os
import re
import sys
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Protocol

from gfd.text import escape, print_error
from gfd.tools.nodes import columns, formats
from gfd.tools.nodes.index import ADDED, MODIFIED, RowEvent
from gfd.tools.nodes.query import render_table
from gfd.tools.serialization import to_json_line, to_yaml
from gfd.tools.table import format_row, measure
from gfd.tools.terminal import width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.nodes.index import NodeIndex
    from gfd.tools.nodes.query import NodeQuery

LINES = 24
"""The height, in lines, of a terminal whose height is unknown."""


class View(Protocol):
    """A way to show changes."""

    debounce_s: float
    """How long to wait for more changes before showing all of them."""
    redraw_interval_s: float | None
    """When to show the table again if only ages have changed; None for never."""

    def show(self, index: NodeIndex, events: Sequence[RowEvent], problem: str) -> None:
        """Show the changed rows (at the first call all rows), and the current problem, if any."""


def choose_view(query: NodeQuery) -> View:
    """Return the view for standard output and the format."""
    is_screen = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return ScreenView(query) if is_screen and query.format not in formats.FORMATS else LineView(query)


class ScreenView:
    """Draw the table over the previous one."""

    debounce_s = 0.5
    redraw_interval_s: float | None = 10.0

    def __init__(self, query: NodeQuery) -> None:
        self._query = query
        self._line_count = 0

    def show(self, index: NodeIndex, events: Sequence[RowEvent], problem: str) -> None:
        """Draw the whole table, whatever has changed."""
        now = datetime.now(UTC)
        below = f"gfd: {escape(problem)}\n" if problem else ""
        height = _read_height() - 1 - below.count("\n")
        table = index.build_table(self._query.sort_by, now)
        text = render_table(table, self._query, now, height=height) + below
        # Go up to the first line of the last drawing, and erase everything below.
        sys.stdout.write((f"\x1b[{self._line_count}A\x1b[J" if self._line_count else "") + text)
        sys.stdout.flush()
        self._line_count = _count_lines(text)


class LineView:
    """Print each row that was added, modified or deleted, with that word before it."""

    debounce_s = 0.0
    redraw_interval_s: float | None = None

    def __init__(self, query: NodeQuery) -> None:
        self._query = query
        self._writer = _WRITERS.get(query.format, _TableWriter)(query)
        self._problem = ""
        self._is_first = True

    def show(self, index: NodeIndex, events: Sequence[RowEvent], problem: str) -> None:
        """Print the events; at the first call all rows, sorted."""
        text = ""
        if self._is_first:
            rows = index.build_table(self._query.sort_by, datetime.now(UTC)).rows
            events = [RowEvent(kind=ADDED, row=row) for row in rows]
            text = self._writer.begin(events)
            self._is_first = False
        sys.stdout.write(text + "".join(map(self._writer.to_text, events)))
        sys.stdout.flush()
        if problem and problem != self._problem:
            print_error(f"warning: {problem}")
        self._problem = problem


class _JsonWriter:
    def __init__(self, query: NodeQuery) -> None:
        pass

    def begin(self, events: Sequence[RowEvent]) -> str:
        return ""

    def to_text(self, event: RowEvent) -> str:
        plain = formats.to_plain(event.row, has_dra=event.row.has_dra)
        return to_json_line({"event": event.kind, **plain})


class _YamlWriter(_JsonWriter):
    def to_text(self, event: RowEvent) -> str:
        plain = formats.to_plain(event.row, has_dra=event.row.has_dra)
        return "---\n" + to_yaml({"event": event.kind, **plain})


class _CsvWriter(_JsonWriter):
    """Later lines have the fields of the heading, also if a node gets its first ResourceSlices meanwhile."""

    _has_dra = False

    def begin(self, events: Sequence[RowEvent]) -> str:
        self._has_dra = _has_dra(events)
        return formats.write_csv([["event", *formats.list_fields(has_dra=self._has_dra)]])

    def to_text(self, event: RowEvent) -> str:
        return formats.write_csv([[event.kind, *formats.to_csv_cells(event.row, has_dra=self._has_dra)]])


class _TableWriter(_JsonWriter):
    """Align later rows with the columns of the first rows; a longer cell moves the cells after it."""

    def __init__(self, query: NodeQuery) -> None:
        self._is_wide = query.format == "wide"
        self._columns: tuple[columns.Column, ...] = ()
        self._widths = [len(MODIFIED)]

    def begin(self, events: Sequence[RowEvent]) -> str:
        self._columns = columns.list_columns(is_wide=self._is_wide, has_dra=_has_dra(events))
        heading = ["EVENT", *(column.name.upper() for column in self._columns)]
        self._widths += measure([heading, *map(self._format_cells, events)])[1:]
        return self._align(heading)

    def to_text(self, event: RowEvent) -> str:
        return self._align(self._format_cells(event))

    def _format_cells(self, event: RowEvent) -> list[str]:
        cells = columns.format_cells(self._columns, event.row, datetime.now(UTC))
        return [event.kind, *map(escape, cells)]

    def _align(self, cells: Sequence[str]) -> str:
        return format_row(cells, self._widths) + "\n"


def _has_dra(events: Sequence[RowEvent]) -> bool:
    return any(event.row.has_dra for event in events)


_STYLE = re.compile(r"\x1b\[[0-9]*m")
_WRITERS: dict[str, type[_JsonWriter]] = {"json": _JsonWriter, "yaml": _YamlWriter, "csv": _CsvWriter}


def _count_lines(text: str) -> int:
    """Return how many lines a text takes on the terminal, which wraps longer lines."""
    width = width_of(sys.stdout) or sys.maxsize
    return sum(max(1, ceil(len(_STYLE.sub("", line)) / width)) for line in text.splitlines())


def _read_height() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or LINES
    except (OSError, ValueError):
        return LINES
