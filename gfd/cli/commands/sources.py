"""The options that read nodes and pods from files instead of the cluster."""

from __future__ import annotations

from gfd.config.options import Option

NODES = (
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
