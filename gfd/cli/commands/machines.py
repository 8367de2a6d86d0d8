"""``gfd machines``: list the machines that gfd can simulate."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.simulation import machines
    from gfd.tools.table import format_table

    sys.stdout.write(format_table((name, machines.describe(name)) for name in machines.list_names()))


COMMAND = Command(
    help="List the machines that --simulate can take.",
    run=_run,
    word_hint="for the labels of a machine, write gfd dump --simulate {}",
    examples=("gfd machines", "gfd dump --simulate dgx-h100"),
)
