"""``gfd select``: from what a device must be to the lines of a manifest that ask for it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.sources import NODES
from gfd.config.options import Option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded

GROUP = "What the device must be"


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.tools.select import missing, selected, snippet
    from gfd.tools.select.selection import select
    from gfd.tools.terminal import width_of

    wanted = selected.read(values)
    nodes = selected.gather(loaded, values)
    selection = select(wanted, nodes)
    lacking = missing.find_lacks(selection, nodes or ())
    form = values["format"]
    if form != "text":
        sys.stdout.write(selected.FORMATS[form](snippet.to_plain(selection, lacking)))
    elif selection.answers:
        sys.stdout.write(snippet.to_text(selection, is_known=nodes is not None))
    else:
        sys.stdout.write(snippet.comment_lacks(selection, lacking, width_of(sys.stdout)))
    if not selection.answers:
        sys.stdout.flush()
        raise GfdError(missing.explain(selection, nodes or (), lacking))


def _compared(field: str, help_: str, example: str) -> Option:
    return Option(
        field=field,
        flags=(f"--{field}",),
        kind="list",
        is_repeatable=True,
        metavar="COMPARISON",
        group=GROUP,
        help=f"{help_}, such as '{example}'; several hold together.",
    )


COMMAND = Command(
    help="Print nodeSelector or nodeAffinity, and resource, for a device.",
    run=_run,
    options=(
        Option(
            field="product",
            flags=("--product",),
            metavar="TEXT",
            group=GROUP,
            help="Part of its product, such as A100; a whole GPU, unless --mig or -MIG- says otherwise.",
        ),
        # The global --mig is the layout of a simulated machine; it can be given before the command.
        Option(
            field="profile",
            flags=("--mig-profile", "--mig"),
            metavar="PROFILE",
            group=GROUP,
            help="A MIG device of this profile, such as 1g.5gb.",
        ),
        _compared("memory", "Its memory as NVML counts it, with a unit", ">=40Gi"),
        _compared("compute", "Its compute capability", ">=8.0"),
        _compared("driver", "The node's driver", ">=550.54"),
        _compared("cuda", "The newest CUDA version that the driver supports", ">=12.4"),
        Option(
            field="count",
            flags=("--count",),
            kind="int",
            default="1",
            metavar="NUMBER",
            group=GROUP,
            help="How many of them one pod needs.",
        ),
        *NODES,
        Option(
            field="without_nodes",
            flags=("--without-nodes",),
            kind="bool",
            default="false",
            group="Nodes",
            help="Look at no node: --product is then the exact product of a whole GPU.",
        ),
        Option(
            field="format",
            flags=("--format", "-o"),
            kind="choice",
            choices=("text", "json", "yaml"),
            default="text",
            group="Output",
            help="How to print: YAML to paste, with comments, or the whole answer with all nodes.",
        ),
    ),
    notes=(
        "A comparison begins with >=, <=, >, < or =, and stands in quotes, as the shell redirects with < and "
        ">. A version is compared as far as it is written: >550 is 551 and newer, =550 any 550. Taints of "
        "NVIDIA's are tolerated; nodes with another one are not counted. The exit code is 1 where no node "
        "would take the pod even if all others left."
    ),
)
