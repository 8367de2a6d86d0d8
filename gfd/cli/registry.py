"""The commands beside the service.

A new command is a module in :mod:`gfd.cli.commands` and an entry in :data:`COMMANDS`. Its module imports what
it needs only when it runs.
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
    "nodes": nodes.COMMAND,
    "select": select.COMMAND,
    "config": config.COMMAND,
    "cleanup": cleanup.COMMAND,
}
"""In the order of the help."""

COMMANDS["completion"] = completion.make_command(COMMANDS)
