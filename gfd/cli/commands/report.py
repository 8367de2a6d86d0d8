"""``gfd report``: write a page about the GPUs of the cluster, of this machine, or of snapshots."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Positional
from gfd.cli.commands.shared import CLUSTER, CONFIGURATION, LABELLING, NODE_FILES, READING
from gfd.config.option import Option
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    path = values["page"]
    if path is None:
        reason = "needs a file; pass --html FILE, or --html - for standard output"
        raise ConfigError("--html", COMMAND_LINE, reason)
    from gfd.tools.report import atomic_file, page, sources

    source = sources.find(loaded, values)
    title = values["title"] or source.title
    text = page.render(
        source.cards,
        title=title,
        source=source.description,
        written_s=time.time(),
        is_cluster=source.is_cluster,
    )
    if str(path) == "-":
        sys.stdout.write(text)
    else:
        atomic_file.write(path, text)


COMMAND = Command(
    help="Write an HTML page about the GPUs of a cluster.",
    run=_run,
    general_options=CLUSTER,
    machine_options=(*CONFIGURATION, *LABELLING, *READING),
    machine_sources={"is_local": "--this-machine", "snapshots": "SNAPSHOT"},
    examples=("gfd report --html gpus.html", "gfd report --html nodes.html node-1.yaml node-2.yaml"),
    positional=Positional(
        field="snapshots",
        metavar="SNAPSHOT",
        is_required=False,
        is_repeatable=True,
        is_file=True,
        help="Files from gfd snapshot to show instead of the cluster.",
    ),
    options=(
        Option(
            field="page",
            flags=("--html",),
            kind="path",
            metavar="FILE",
            group="Report",
            help="The file to write; - writes to standard output. The page needs no other files.",
        ),
        Option(
            field="title",
            flags=("--title",),
            metavar="TEXT",
            group="Report",
            help="The title of the page.",
        ),
        Option(
            field="is_local",
            flags=("--this-machine",),
            kind="bool",
            default="false",
            group="Report",
            help="Show this machine, or that of --simulate, instead of the cluster.",
        ),
        *NODE_FILES,
    ),
)
