"""``gfd machines``: the machines that can be simulated."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.simulation import machines

    names = machines.names()
    width = max(len(name) for name in names)
    for name in names:
        sys.stdout.write(f"{name:<{width}}  {machines.describe(name)}\n")


COMMAND = Command(help="List the machines that --simulate knows.", run=_run)
