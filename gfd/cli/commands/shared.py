"""The options that several commands share."""

from __future__ import annotations

from gfd.config.options import Option

NODE_FILES = (
    Option(
        field="nodes_file",
        flags=("--nodes",),
        kind="path",
        metavar="FILE",
        group="Nodes",
        help="Read the nodes from the output of kubectl get nodes -o json (or yaml); - reads standard input.",
    ),
    Option(
        field="pods_file",
        flags=("--pods",),
        kind="path",
        metavar="FILE",
        group="Nodes",
        help="With --nodes: read the pods from the output of kubectl get pods -A -o json.",
    ),
)
"""Read nodes and pods from files instead of the cluster."""


def make_format_option(
    *choices: str, group: str, default: str | None = None, help_: str = "The output format."
) -> Option:
    """Return the option ``-o`` that chooses the output format."""
    return Option(
        field="format",
        flags=("--format", "-o"),
        kind="choice",
        choices=choices,
        default=default,
        group=group,
        help=help_,
    )
