"""``gfd cleanup``: remove the labels that gfd, or the original, published."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.config.options import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.tools.cleanup import clean_up

    clean_up(loaded.config, is_everywhere=values["all_nodes"], is_original=values["from_original"])


COMMAND = Command(
    help="Remove the labels that gfd published to each --sink.",
    run=_run,
    options=(
        Option(
            field="all_nodes",
            flags=("--all-nodes",),
            kind="bool",
            default="false",
            group="Cleanup",
            help="Remove them from all nodes; needs the rights to do so, for example by --kubeconfig.",
        ),
        Option(
            field="from_original",
            flags=("--from-original",),
            kind="bool",
            default="false",
            group="Cleanup",
            help="Delete only the NodeFeature object that NVIDIA's gpu-feature-discovery left behind.",
        ),
    ),
    general_options=("sinks", "output_file", "node_name", "namespace", "kubeconfig"),
    # Sinks need a node name, but here it is not used.
    implied_options={"all_nodes": {"node_name": "all nodes"}},
)
