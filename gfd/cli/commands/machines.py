"""``gfd machines``: list the machines that gfd can simulate."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import make_format_option
from gfd.config.option import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.tools import terminal
    from gfd.tools.machines import format_machines, list_machines, to_plain

    found = list_machines(values["search"])
    out = sys.stdout
    if values["format"] == "json":
        out.write(json.dumps({"machines": [to_plain(each) for each in found]}, indent=2) + "\n")
    else:
        width, is_coloured = terminal.width_of(out), terminal.is_coloured(out)
        out.write(format_machines(found, width=width, is_coloured=is_coloured))


COMMAND = Command(
    help="List the machines that --simulate can take.",
    run=_run,
    word_hint="for the labels of a machine, write gfd dump --simulate {}",
    examples=("gfd machines --search h100", "gfd dump --simulate p5.48xlarge"),
    options=(
        make_format_option("table", "json", group="Machines", default="table"),
        Option(
            field="search",
            flags=("--search",),
            metavar="WORDS",
            group="Machines",
            help="List only machines with these words in their name, GPUs or description, in any case.",
        ),
    ),
    notes=(
        "The machines of clouds have the names of their instance types. FROM says where the data come from: "
        "a real machine; output of nvidia-smi and lspci that was published; data sheets, with estimated MIG "
        "devices; or the cloud's documentation. PCI addresses, NUMA nodes and drivers are examples unless "
        "it is a real machine."
    ),
)
