"""``gfd config``: every effective value and where it came from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.commands.command import Command

if TYPE_CHECKING:
    from gfd.commands.command import Values
    from gfd.config import Loaded


def _run(loaded: Loaded, values: Values) -> None:
    rows = [(setting.option.flag, setting.text, setting.origin) for setting in loaded.settings]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for flag, text, origin in rows:
        sys.stdout.write(f"{flag:<{widths[0]}}  {text:<{widths[1]}}  {origin}\n")


COMMAND = Command(help="Print every effective option and where it came from.", run=_run)
