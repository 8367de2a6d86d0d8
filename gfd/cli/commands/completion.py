"""``gfd completion``: a shell's completion script."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Words
from gfd.config.options import ORIGINAL

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded

SHELLS = ("bash", "zsh", "tcsh")


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.cli.commands import COMMANDS
    from gfd.cli.completion import write

    (shell,) = values["shell"]
    program = ORIGINAL if sys.argv[0].endswith(ORIGINAL) else "gfd"
    sys.stdout.write(write(shell, COMMANDS, program))


COMMAND = Command(
    help="Print the completion script of a shell.",
    run=_run,
    words=Words(field="shell", metavar="SHELL", choices=SHELLS, help="The shell to complete for."),
)
