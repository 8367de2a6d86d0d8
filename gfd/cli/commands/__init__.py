"""The commands beside the service: one short file each, and nothing that runs is imported before it does.

A new command is a file here and an entry in :data:`COMMANDS`.
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
    "completion": completion.COMMAND,
}
"""In the order of the help."""
