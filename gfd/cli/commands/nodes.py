"""``gfd nodes``: the GPUs of a cluster in a table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.sources import NODES
from gfd.config.options import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded

FORMAT_NAMES = ("table", "wide", "json", "yaml", "csv")


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.tools.nodes import listing

    asked = listing.Asked(
        nodes_file=values["nodes_file"],
        pods_file=values["pods_file"],
        selector=listing.read_selector(values["selector"]),
        order=listing.read_order(values["sort"]),
        form=values["format"],
        is_drawn=values["draw"],
    )
    if asked.is_drawn:
        listing.check_drawing(asked.form, is_watched=values["watch"])
    if values["watch"]:
        from gfd.tools.nodes.live import watch

        watch(loaded, asked)
    else:
        sys.stdout.write(listing.show(loaded, asked))


COMMAND = Command(
    help="Print a cluster's GPUs, what is free, and how old the labels are.",
    run=_run,
    options=(
        Option(
            field="selector",
            flags=("--selector", "-l"),
            metavar="SELECTOR",
            group="Nodes",
            help="Only the nodes whose labels this takes, such as 'zone in (a,b),!spot', as kubectl does.",
        ),
        *NODES,
        Option(
            field="sort",
            flags=("--sort",),
            kind="list",
            is_repeatable=True,
            metavar="COLUMN",
            group="Nodes",
            help="Sort by these columns, first things first; a leading - turns one round, as in -free,node.",
        ),
        Option(
            field="format",
            flags=("--format", "-o"),
            kind="choice",
            choices=FORMAT_NAMES,
            default="table",
            group="Nodes",
            help="How to print.",
        ),
        Option(
            field="draw",
            flags=("--draw",),
            kind="bool",
            default="false",
            group="Nodes",
            help="Draw each node's MIG devices to scale; where on a GPU they lie, labels do not tell.",
        ),
        Option(
            field="watch",
            flags=("--watch", "-w"),
            kind="bool",
            default="false",
            group="Nodes",
            help="Go on: draw anew on a terminal, and print each row that changes elsewhere.",
        ),
    ),
    notes=(
        "AGE is how long ago whoever wrote the labels last changed the node, by the API server's managed "
        "fields; after a ~ how long ago gfd loaded its configuration, where those are not told. Labels that "
        "are right are not written again, so neither says when they were last found to be. STALE names what "
        "speaks against them: a kubelet that does not report, or devices that are offered otherwise than "
        "labelled; where it is empty, nothing on the node does. ALLOCATED is what placed pods request."
    ),
)
