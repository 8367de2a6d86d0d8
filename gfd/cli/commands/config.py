"""``gfd config``: every effective value and where it came from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.tools.settings import to_text

    sys.stdout.write(to_text(loaded))


COMMAND = Command(help="Print every effective option and where it came from.", run=_run)
