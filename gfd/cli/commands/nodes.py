"""``gfd nodes``: print a table of the GPUs in a cluster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import CLUSTER, NODE_FILES, SIMULATED, make_format_option
from gfd.config.option import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.tools.nodes.query import NodeQuery, answer, check_combination, parse_selector, parse_sort

    query = NodeQuery(
        nodes_file=values["nodes_file"],
        pods_file=values["pods_file"],
        selector=parse_selector(values["selector"]),
        sort_by=parse_sort(values["sort"]),
        format=values["format"],
        has_drawing=values["draw"],
        has_pods=values["shows_pods"],
    )
    check_combination(query, is_watched=values["watch"])
    if values["watch"]:
        from gfd.tools.nodes.display import watch

        watch(loaded, query)
    else:
        sys.stdout.write(answer(loaded, query))


COMMAND = Command(
    help="List a cluster's nodes with their GPUs.",
    run=_run,
    word_hint="for one node, write gfd nodes -l kubernetes.io/hostname={}",
    general_options=CLUSTER,
    machine_options=SIMULATED,
    examples=(
        "gfd nodes --pods --sort=-free",
        "gfd nodes --simulate dgx-a100 --mig all-balanced --mig-strategy mixed --draw",
    ),
    options=(
        Option(
            field="selector",
            flags=("--selector", "-l"),
            metavar="SELECTOR",
            group="Nodes",
            help="Print only nodes with these labels, such as 'zone in (a,b),!spot', as in kubectl.",
        ),
        *(each._replace(alone="--show-pods") if each.field == "pods_file" else each for each in NODE_FILES),
        Option(
            field="shows_pods",
            flags=("--show-pods",),
            kind="bool",
            default="false",
            group="Nodes",
            help="Also list the pods that hold devices, as --pods without FILE does.",
        ),
        Option(
            field="sort",
            flags=("--sort",),
            kind="list",
            is_repeatable=True,
            metavar="COLUMN",
            group="Nodes",
            help="Sort by these columns. A leading - reverses the order, as in -free,node.",
        ),
        make_format_option("table", "wide", "json", "yaml", "csv", group="Nodes", default="table"),
        Option(
            field="draw",
            flags=("--draw",),
            kind="bool",
            default="false",
            group="Nodes",
            help="Draw the MIG devices of each node to scale. Labels do not show their place on the GPU.",
        ),
        Option(
            field="watch",
            flags=("--watch", "-w"),
            kind="bool",
            default="false",
            group="Nodes",
            help="Keep running: redraw on a terminal, otherwise print each row that changes.",
        ),
    ),
    notes=(
        "AGE is the time since the labels were last written, from the managed fields of the Node; with a ~, "
        "the time since gfd loaded its configuration. gfd does not write labels again that are still right, "
        "so old labels can be right. STALE says why the labels may be wrong: the kubelet does not report, "
        "or the node offers other devices than its labels say, or none. A product in parentheses is the "
        "cloud's name for the GPUs of a node without gfd's labels. ALLOCATED counts the devices that "
        "scheduled pods request. Free devices are unschedulable if their node takes no new pods: it is not "
        "ready, cordoned, or short of memory or disk. LARGEST FREE is the number of devices that one pod can "
        "still get, which must be on one node. If NVIDIA's DRA driver serves nodes, SOURCE says what tells "
        "their GPUs: labels, the device plugin, or ResourceSlices. Devices of ResourceSlices begin with "
        "dra/, and in totals have the names of DeviceClasses, such as gpu.nvidia.com; ResourceClaims take "
        "them. "
        "TAINTED counts devices by taint, which the driver sets on unhealthy ones."
    ),
)
