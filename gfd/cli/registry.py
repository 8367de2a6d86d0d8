"""The table of commands.

To add a command, add a module to :mod:`gfd.cli.commands` and an entry to :data:`COMMANDS`. The module imports
other packages only when the command runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.cli.commands import (
    cleanup,
    completion,
    config,
    diff,
    doctor,
    dump,
    explain,
    machines,
    match,
    nodes,
    report,
    select,
    snapshot,
    template,
)

if TYPE_CHECKING:
    from gfd.cli.commands.command import Command

COMMANDS: dict[str, Command] = {
    "dump": dump.COMMAND,
    "explain": explain.COMMAND,
    "diff": diff.COMMAND,
    "doctor": doctor.COMMAND,
    "snapshot": snapshot.COMMAND,
    "match": match.COMMAND,
    "report": report.COMMAND,
    "machines": machines.COMMAND,
    "template": template.COMMAND,
    "nodes": nodes.COMMAND,
    "select": select.COMMAND,
    "config": config.COMMAND,
    "cleanup": cleanup.COMMAND,
}
"""The commands by name, in the order of the help."""

COMMANDS["completion"] = completion.make_command(COMMANDS)
