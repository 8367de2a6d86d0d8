"""``gfd config``: print every option with its value and the origin of the value."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.config.options import OPTIONS

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.tools.effective_options import to_text

    sys.stdout.write(to_text(loaded))


COMMAND = Command(
    help="Print every option, its value, and where it is set.",
    run=_run,
    general_options=tuple(option.field for option in OPTIONS),
    examples=("gfd config", "gfd config --config-file config.yaml --mig-strategy single"),
)
