"""``gfd select``: print the lines of a manifest that request a device."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import CLUSTER, NODE_FILES, SIMULATED, make_format_option
from gfd.config.options import Option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig

GROUP = "Device"


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.tools.select import arguments, formats, mismatch
    from gfd.tools.select.selection import select
    from gfd.tools.terminal import width_of

    query = arguments.read_query(values)
    nodes = arguments.read_nodes(loaded, values)
    selection = select(query, nodes)
    results = mismatch.evaluate(selection, nodes or ())
    form = values["format"]
    if form != "text":
        sys.stdout.write(formats.FORMATS[form](formats.to_plain(selection, results)))
    elif selection.variants:
        sys.stdout.write(formats.to_text(selection, has_nodes=nodes is not None))
    else:
        sys.stdout.write(formats.to_mismatch_text(selection, results, width_of(sys.stdout)))
    if not selection.variants:
        sys.stdout.flush()
        raise GfdError(mismatch.explain(selection, nodes or (), results))


def _make_comparison(field: str, help_: str, example: str) -> Option:
    return Option(
        field=field,
        flags=(f"--{field}",),
        kind="list",
        is_repeatable=True,
        metavar="COMPARISON",
        group=GROUP,
        help=f"{help_}, such as '{example}'. If given several times, all must match.",
    )


COMMAND = Command(
    help="Print the nodeSelector and resource for a device.",
    run=_run,
    general_options=CLUSTER,
    machine_options=SIMULATED,
    examples=(
        "gfd select --memory '>=40Gi' --count 2",
        "gfd select --simulate dgx-h100 --product H100 -o json",
    ),
    options=(
        Option(
            field="product",
            flags=("--product",),
            metavar="TEXT",
            group=GROUP,
            help="Part of the product name, such as A100. Without --mig or -MIG-, it selects whole GPUs.",
        ),
        # The general option --mig, the layout of a simulated machine, must stand before the command.
        Option(
            field="profile",
            flags=("--mig-profile", "--mig"),
            metavar="PROFILE",
            group=GROUP,
            help="A MIG device of this profile, such as 1g.5gb.",
        ),
        _make_comparison("memory", "The memory, as NVML counts it, with a unit", ">=40Gi"),
        _make_comparison("compute", "The compute capability", ">=8.0"),
        _make_comparison("driver", "The driver version of the node", ">=550.54"),
        _make_comparison("cuda", "The newest CUDA version that the driver supports", ">=12.4"),
        Option(
            field="count",
            flags=("--count",),
            kind="int",
            default="1",
            metavar="NUMBER",
            group=GROUP,
            help="The number of devices that one pod needs.",
        ),
        *NODE_FILES,
        Option(
            field="without_nodes",
            flags=("--without-nodes",),
            kind="bool",
            default="false",
            group="Nodes",
            help="Do not look at nodes; --product is then the exact product name of a whole GPU.",
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
        "A comparison begins with >=, <=, >, < or =. Put it in quotes, or the shell takes < and > for "
        "redirections. Only the parts of a version that you write are compared: >550 means 551 or newer, "
        "=550 means any 550. gfd select tolerates NVIDIA's taints and leaves out nodes with other taints. "
        "The exit code is 1 if no node could run the pod, even if the node were empty."
    ),
)
