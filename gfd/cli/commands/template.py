"""``gfd template``: print what a node will have, before it exists."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import CLUSTER, NODE_FILES, SIMULATED, make_format_option, make_inventory_option
from gfd.config.option import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig

GROUP = "Template"


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.text import print_error
    from gfd.tools.template import arguments
    from gfd.tools.template.formats import FORMATS, LABEL, NAME, NODE, RESOURCE, TAINT, refuse_unused_flags
    from gfd.tools.template.source import TemplateQuery, read_template

    query = TemplateQuery(
        inventory_file=values["inventory"],
        node=values["node"],
        nodes_file=values["nodes_file"],
        name=arguments.check_name(values["name"]),
        driver=arguments.check_driver(values["driver"]),
        resources=arguments.parse_resources(values["resources"]),
        taints=arguments.parse_taints(values["taints"]),
        labels=values["labels"],
    )
    given = {
        NAME: query.name,
        RESOURCE: query.resources,
        TAINT: query.taints,
        LABEL: query.labels,
        NODE: query.node,
    }
    refuse_unused_flags(values["format"], given)
    template, warnings = read_template(loaded, query)
    formatted = FORMATS[values["format"]].write(template)
    for warning in (*warnings, *formatted.warnings):
        print_error(f"warning: {warning}")
    sys.stdout.write(formatted.text)


COMMAND = Command(
    help="Print what a node will have, for autoscalers.",
    run=_run,
    word_hint="for a simulated machine, write gfd template --simulate {}",
    general_options=CLUSTER,
    machine_options=tuple(field for field in SIMULATED if field != "no_timestamp"),
    machine_sources={"inventory": "--inventory"},
    examples=(
        "gfd template --simulate dgx-h100 --resource cpu=96,memory=1Ti -o node",
        "gfd template --node gpu-1 --label gpu.product,gpu.memory -o karpenter",
    ),
    notes=(
        "It leaves out what only the running node can tell: the timestamp, the clique, and the versions of "
        "driver and CUDA if neither the machine nor --driver tells them."
    ),
    options=(
        make_format_option(
            "labels",
            "node",
            "karpenter",
            "cluster-autoscaler-aws",
            "cluster-autoscaler-azure",
            "cluster-api",
            "kubelet",
            "kueue",
            "resourceslice",
            group=GROUP,
            default="labels",
            help_="The output format.",
        )._replace(metavar="FORMAT"),
        make_inventory_option(group=GROUP, help_="Print what the machine of a snapshot has"),
        Option(
            field="node",
            flags=("--node",),
            metavar="NAME",
            group=GROUP,
            help="Print what this node has, for more nodes like it.",
        ),
        *(option for option in NODE_FILES if option.field == "nodes_file"),
        Option(
            field="name",
            flags=("--name",),
            metavar="NAME",
            group=GROUP,
            help="The name of the printed object; the default is that of the machine.",
        ),
        Option(
            field="driver",
            flags=("--driver",),
            metavar="VERSION",
            group=GROUP,
            help="The driver version, such as 580.95.05; the default is that of the machine.",
        ),
        Option(
            field="resources",
            flags=("--resource",),
            kind="list",
            is_repeatable=True,
            metavar="RESOURCE",
            group=GROUP,
            help="A resource, such as cpu=96 or memory=1Ti; it wins over that of the machine.",
        ),
        Option(
            field="taints",
            flags=("--taint",),
            kind="list",
            is_repeatable=True,
            metavar="TAINT",
            group=GROUP,
            help="A taint, such as nvidia.com/gpu=present:NoSchedule.",
        ),
        Option(
            field="labels",
            flags=("--label",),
            kind="list",
            is_repeatable=True,
            metavar="KEY",
            group=GROUP,
            help="Print only this label, with or without nvidia.com/; the default is every label.",
        ),
    ),
)
