"""``gfd completion``: print a shell's completion script."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Positional
from gfd.cli.program import NAME
from gfd.config.options import ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig

SHELLS = ("bash", "zsh", "tcsh", "fish")


def make_command(commands: Mapping[str, Command]) -> Command:
    """Return the command that completes ``commands``."""

    def run(loaded: LoadedConfig, values: Values) -> None:
        from gfd.cli.completion import generate_script

        program = ORIGINAL if sys.argv[0].endswith(ORIGINAL) else NAME
        sys.stdout.write(generate_script(values["shell"], commands, program))

    return Command(
        help="Print the completion script of a shell.",
        run=run,
        examples=(
            "gfd completion bash > ~/.local/share/bash-completion/completions/gfd",
            "gfd completion fish | source",
        ),
        positional=Positional(field="shell", metavar="SHELL", choices=SHELLS, help="The shell."),
    )
