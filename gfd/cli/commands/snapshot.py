"""``gfd snapshot``: print the inventory that labels are made from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import CONFIGURATION, READING
from gfd.config.option import Option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.inventory import snapshot as text
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    inventory = single_run.read_inventory(build_request(loaded.config))
    path = values["snapshot_file"]
    is_json = path is not None and path.name.endswith(".json")
    content = text.to_json(inventory) if is_json else text.to_yaml(inventory)
    if path is None:
        sys.stdout.write(content)
        return
    try:
        path.write_text(content)
    except OSError as error:
        reason = f"{error.strerror or error}; name a file in a directory that you can write to"
        raise GfdError(f"--file {path}: {reason}") from error


COMMAND = Command(
    help="Print the hardware facts that labels are made from.",
    run=_run,
    general_options=(*CONFIGURATION, *READING),
    examples=("gfd snapshot -o node.yaml", "gfd snapshot --simulate dgx-h100"),
    options=(
        Option(
            field="snapshot_file",
            flags=("--file", "-o"),
            kind="path",
            metavar="FILE",
            group="Snapshot",
            help="The file to write, as JSON if its name ends in .json. Without --file: print YAML.",
        ),
    ),
)
