"""``gfd dump``: print the labels of this machine, a simulated one, or a snapshot."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import (
    CONFIGURATION,
    LABELLING,
    READING,
    make_format_option,
    make_inventory_option,
)
from gfd.config.option import Option
from gfd.errors import DriverUnavailable

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.inventory import snapshot
    from gfd.text import print_error
    from gfd.tools import dump as formats
    from gfd.tools import terminal
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    path = values["inventory"]
    inventory = snapshot.read_file(path) if path else None
    try:
        if inventory is None and values["draw"]:
            # Read only once, so that the drawing and the labels agree.
            inventory = single_run.read_inventory(build_request(loaded.config))
        reading = single_run.label(build_request(loaded.config, inventory=inventory))
    except DriverUnavailable as error:
        hint = "To see the labels of another machine, pass --simulate with a name from gfd machines"
        raise DriverUnavailable(f"{error}. {hint}") from error
    for warning in reading.warnings():
        print_error(f"warning: {warning}")
    wanted = values["format"]
    if wanted is None and sys.stdout.isatty():
        sys.stdout.write(formats.to_table(reading.labels, is_coloured=terminal.is_coloured(sys.stdout)))
    else:
        sys.stdout.write(formats.FORMATS[wanted or "nfd"](reading.labels))
    if inventory is not None and values["draw"]:
        from gfd.tools import drawing

        is_table = wanted == "table" or (wanted is None and sys.stdout.isatty())
        stream = sys.stdout if is_table else sys.stderr
        width, is_coloured = terminal.width_of(stream), terminal.is_coloured(stream)
        drawn = drawing.draw_inventory(inventory, width=width, is_coloured=is_coloured)
        stream.write(f"\n{drawn}" if is_table else drawn)


COMMAND = Command(
    help="Print the labels of this machine.",
    run=_run,
    general_options=(*CONFIGURATION, *LABELLING, *READING),
    examples=(
        "gfd dump --simulate dgx-h100 --mig all-1g.10gb --mig-strategy mixed",
        "gfd dump --inventory node.yaml -o json",
    ),
    options=(
        make_format_option(
            "table",
            "json",
            "yaml",
            "nfd",
            group="Dump",
            help_="The output format; the default is table on a terminal, otherwise nfd.",
        ),
        make_inventory_option(group="Dump", help_="Print the labels of a snapshot instead of this machine"),
        Option(
            field="draw",
            flags=("--draw",),
            kind="bool",
            default="false",
            group="Dump",
            help="Draw how each GPU is divided: below the table, or with other formats to standard error.",
        ),
    ),
)
