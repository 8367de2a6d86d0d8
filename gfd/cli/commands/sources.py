"""The options of every command that looks at Nodes: from files instead of the cluster."""

from __future__ import annotations

from gfd.config.options import Option

NODES = (
    Option(
        field="nodes_file",
        flags=("--nodes",),
        kind="path",
        metavar="FILE",
        group="Nodes",
        help="Take the nodes that kubectl get nodes -o json (or yaml) printed; - reads standard input.",
    ),
    Option(
        field="pods_file",
        flags=("--pods",),
        kind="path",
        metavar="FILE",
        group="Nodes",
        help="With --nodes: the placed pods, as kubectl get pods -A -o json printed them.",
    ),
)
