"""How a table that changes is shown: drawn anew on a terminal, or row by row into a pipe."""

from __future__ import annotations

import json
import os
import re
import sys
from datetime import UTC, datetime
from math import ceil
from typing import TYPE_CHECKING, Protocol

from gfd.text import escape, print_error
from gfd.tools.nodes import columns, listing, table, terminal_table
from gfd.tools.nodes.index import ADDED, MODIFIED, Event
from gfd.tools.serialization import to_yaml
from gfd.tools.table import format_row, measure
from gfd.tools.terminal import width_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.nodes.index import Census
    from gfd.tools.nodes.listing import Asked

LINES = 24
"""Of a terminal that does not say how many it has."""


class View(Protocol):
    """One of the two ways."""

    gather_s: float
    """For how long changes are gathered before they are shown."""
    again_s: float | None
    """After how long all is shown again though nothing has changed but the ages; None: never."""

    def show(self, census: Census, events: Sequence[Event], trouble: str) -> None:
        """Show what has become of the rows, and what is wrong at the moment; the first time, all rows."""


def choose(asked: Asked) -> View:
    """Return the way that suits standard output and the form that is asked for."""
    is_screen = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"
    return Screen(asked) if is_screen and asked.form not in listing.FORMATS else Lines(asked)


class Screen:
    """The table as it is now, in place of the one before."""

    gather_s = 0.5
    again_s: float | None = 10.0

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._drawn = 0

    def show(self, census: Census, events: Sequence[Event], trouble: str) -> None:
        """Draw all of it, whatever the events are."""
        now = datetime.now(UTC)
        said = f"gfd: {escape(trouble)}\n" if trouble else ""
        height = _height() - 1 - said.count("\n")
        text = listing.draw(census.roster(self._asked.order, now), self._asked, now, height=height) + said
        # Up to where the last drawing began, and away with what is below.
        sys.stdout.write((f"\x1b[{self._drawn}A\x1b[J" if self._drawn else "") + text)
        sys.stdout.flush()
        self._drawn = _count_lines(text)


class Lines:
    """Each row that is new, other, or gone, with that word in front."""

    gather_s = 0.0
    again_s: float | None = None

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._form = _FORMS.get(asked.form, _Table)(asked)
        self._trouble = ""
        self._is_first = True

    def show(self, census: Census, events: Sequence[Event], trouble: str) -> None:
        """Print the events; the first time all rows, in order."""
        text = ""
        if self._is_first:
            rows = census.roster(self._asked.order, datetime.now(UTC)).rows
            events = [Event(kind=ADDED, row=row) for row in rows]
            text = self._form.begin(events)
            self._is_first = False
        sys.stdout.write(text + "".join(map(self._form.line, events)))
        sys.stdout.flush()
        if trouble and trouble != self._trouble:
            print_error(f"warning: {trouble}")
        self._trouble = trouble


class _Json:
    def __init__(self, asked: Asked) -> None:
        pass

    def begin(self, events: Sequence[Event]) -> str:
        return ""

    def line(self, event: Event) -> str:
        return json.dumps({"event": event.kind, **table.to_plain(event.row)}) + "\n"


class _Yaml(_Json):
    def line(self, event: Event) -> str:
        return "---\n" + to_yaml({"event": event.kind, **table.to_plain(event.row)})


class _Csv(_Json):
    def begin(self, events: Sequence[Event]) -> str:
        return table.csv_lines([["event", *table.PLAIN]])

    def line(self, event: Event) -> str:
        return table.csv_lines([[event.kind, *table.csv_cells(event.row)]])


class _Table(_Json):
    """Rows that come later keep to the columns of the first ones, as far as they can."""

    def __init__(self, asked: Asked) -> None:
        self._columns = terminal_table.columns_of(asked.form == "wide")
        self._widths = [len(MODIFIED)]

    def begin(self, events: Sequence[Event]) -> str:
        heading = ["EVENT", *(column.name.upper() for column in self._columns)]
        widths = measure([heading, *map(self._cells, events)])
        self._widths += widths[1:]
        return self._align(heading)

    def line(self, event: Event) -> str:
        return self._align(self._cells(event))

    def _cells(self, event: Event) -> list[str]:
        return [event.kind, *map(escape, columns.cells(self._columns, event.row, datetime.now(UTC)))]

    def _align(self, cells: Sequence[str]) -> str:
        return format_row(cells, self._widths) + "\n"


_STYLE = re.compile(r"\x1b\[[0-9]*m")
_FORMS: dict[str, type[_Json]] = {"json": _Json, "yaml": _Yaml, "csv": _Csv}


def _count_lines(text: str) -> int:
    """Return how many lines of the terminal ``text`` takes: a table may be wider than a narrow one."""
    width = width_of(sys.stdout) or sys.maxsize
    return sum(max(1, ceil(len(_STYLE.sub("", line)) / width)) for line in text.splitlines())


def _height() -> int:
    try:
        return os.get_terminal_size(sys.stdout.fileno()).lines or LINES
    except (OSError, ValueError):
        return LINES
