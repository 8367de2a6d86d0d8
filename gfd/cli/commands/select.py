"""``gfd select``: print the lines of a manifest that request a device."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.select_hints import HINTS
from gfd.cli.commands.shared import CLUSTER, NODE_FILES, SIMULATED, make_format_option
from gfd.config.option import Option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.cli.commands.command import Values
    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig
    from gfd.tools.select.query import DeviceQuery

GROUP = "Device"


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.clusterview.sources import find_cluster
    from gfd.tools.select import arguments, formats, mismatch
    from gfd.tools.select.selection import select
    from gfd.tools.terminal import width_of

    query = arguments.read_query(values, loaded.config.mig)
    nodes = arguments.read_nodes(loaded, values)
    if values["dra"]:
        _print_claim(query, nodes, values["format"], is_from_file=values["nodes_file"] is not None)
        return
    selection = select(query, nodes)
    if selection.may_have_slices and find_cluster(loaded, values["nodes_file"]) is not None:
        nodes = arguments.read_nodes(loaded, values, has_slices=True)
        selection = select(query, nodes)
    results = mismatch.evaluate(selection, nodes or ())
    form = values["format"]
    if form != "text":
        sys.stdout.write(formats.FORMATS[form](formats.to_plain(selection, results)))
    elif selection.variants:
        near_misses = mismatch.explain_near_misses(results, nodes or ())
        sys.stdout.write(formats.to_text(selection, near_misses, has_nodes=nodes is not None))
    else:
        # The error names the near misses, unless it is about nodes that match but cannot run the pod.
        near_misses = mismatch.explain_near_misses(results, nodes or ()) if selection.rejections else []
        sys.stdout.write(
            formats.to_mismatch_text(selection, results, near_misses, width=width_of(sys.stdout))
        )
    if not selection.variants:
        sys.stdout.flush()
        raise GfdError(mismatch.explain(selection, nodes or (), results))


def _print_claim(query: DeviceQuery, nodes: Sequence[Node] | None, form: str, *, is_from_file: bool) -> None:
    from gfd.tools.select.dra import formats
    from gfd.tools.select.dra.selection import select
    from gfd.tools.select.formats import FORMATS
    from gfd.tools.terminal import width_of

    selection = select(query, nodes, is_from_file=is_from_file)
    if form != "text":
        sys.stdout.write(FORMATS[form](formats.to_plain(selection)))
    elif not selection.is_refused:
        sys.stdout.write(formats.to_text(selection))
    else:
        sys.stdout.write(formats.to_mismatch_text(selection, width=width_of(sys.stdout)))
    if selection.is_refused:
        sys.stdout.flush()
        raise GfdError(formats.explain(selection))


def _make_comparison(field: str, help_: str, example: str) -> Option:
    return Option(
        field=field,
        flags=(f"--{field.replace('_', '-')}",),
        kind="list",
        is_repeatable=True,
        metavar="COMPARISON",
        group=GROUP,
        help=f"{help_}, such as '{example}'.",
    )


def _make_criterion(field: str, flag: str, metavar: str, help_: str) -> Option:
    return Option(
        field=field, flags=(flag,), kind="list", is_repeatable=True, metavar=metavar, group=GROUP, help=help_
    )


COMMAND = Command(
    help="Print the nodeSelector and resource for a device.",
    run=_run,
    word_hint="for a product, write gfd select --product {}",
    general_options=CLUSTER,
    machine_options=SIMULATED,
    examples=(
        "gfd select --product A100,H100 --memory '>=80GB' --count 2",
        "gfd select --mig-profile 1g.5gb --dra",
    ),
    options=(
        _make_criterion(
            "product",
            "--product",
            "TEXT",
            "Part of the product name, such as A100; or a cloud's name: nvidia-tesla-t4, p5.48xlarge.",
        ),
        _make_criterion("family", "--family", "NAME", "The generation, such as ampere or hopper."),
        _make_comparison("memory", "The memory of one device", ">=40GB"),
        Option(
            field="exclusive",
            flags=("--exclusive",),
            kind="bool",
            default="false",
            group=GROUP,
            help="Only whole GPUs that no other pod shares; no MIG devices, no time-slicing, no MPS.",
        ),
        Option(
            field="shared",
            flags=("--shared",),
            kind="bool",
            default="false",
            group=GROUP,
            help="Only devices that several pods share; without it, no shared device is taken.",
        ),
        _make_criterion(
            "profile", "--mig-profile", "PROFILE", "MIG devices of this profile, such as 1g.5gb."
        ),
        _make_comparison("mig_memory", "MIG devices with this memory", ">=20GB"),
        _make_comparison("compute", "The compute capability", ">=8.0"),
        _make_comparison("driver", "The driver version of the node", ">=550.54"),
        _make_comparison("cuda", "The driver's newest CUDA version", ">=12.4"),
        Option(
            field="count",
            flags=("--count",),
            kind="int",
            default="1",
            metavar="NUMBER",
            group=GROUP,
            help="The number of devices that one pod needs.",
        ),
        Option(
            field="gpus_per_node",
            flags=("--gpus-per-node",),
            kind="int",
            metavar="NUMBER",
            group=GROUP,
            help="Nodes with at least this many GPUs; free or not.",
        ),
        *NODE_FILES,
        Option(
            field="without_nodes",
            flags=("--without-nodes",),
            kind="bool",
            default="false",
            group="Nodes",
            help="Do not look at nodes; --product is then the exact product name or a cloud's name.",
        ),
        Option(
            field="dra",
            flags=("--dra",),
            kind="bool",
            default="false",
            group="Output",
            help=(
                "Print a ResourceClaimTemplate (DRA) instead; for nodes that run NVIDIA's DRA driver "
                "in place of the device plugin."
            ),
        ),
        make_format_option(
            "text",
            "json",
            "yaml",
            group="Output",
            default="text",
            help_="The output format; text is YAML to paste, json and yaml also list all nodes.",
        ),
    ),
    notes=(
        "Several values of --product, --family or --mig-profile are alternatives: repeat the option, or put "
        "commas between them. --product, --family and --gpus-per-node mean whole GPUs, unless you ask for "
        "MIG devices. A comparison begins with >=, <=, >, < or =; a value without an operator must be equal. "
        "Put it in quotes, or the shell takes < and > for redirections. Equal values are alternatives; all "
        "other comparisons must hold together. 80GB means cards sold as 80 GB; 80Gi means 81920 MiB exactly. "
        "Only the parts of a version that you write are compared: >550 means 551 or newer, =550 means any "
        "550. gfd select tolerates NVIDIA's taints and leaves out nodes with other taints. The exit code is "
        "1 if no node could run the pod, even if the node were empty. With --dra, gfd compares "
        "ResourceSlices in place of labels, and several values of --product, --family or --mig-profile "
        "are alternatives on each node, in your order."
    ),
    flag_hints=HINTS,
)
