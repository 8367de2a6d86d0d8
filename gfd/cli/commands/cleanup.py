"""``gfd cleanup``: what gfd published, or the original left, is taken back."""

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
    help="Withdraw the labels from each --sink.",
    run=_run,
    options=(
        Option(
            field="all_nodes",
            flags=("--all-nodes",),
            kind="bool",
            default="false",
            group="Cleanup",
            help="Withdraw them from all nodes, with the rights of whoever --kubeconfig names.",
        ),
        Option(
            field="from_original",
            flags=("--from-original",),
            kind="bool",
            default="false",
            group="Cleanup",
            help="Delete the NodeFeature that gpu-feature-discovery left, and nothing else.",
        ),
    ),
    # No node is meant in particular.
    implies={"all_nodes": {"node_name": "all nodes"}},
)
