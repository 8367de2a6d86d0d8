"""``gfd snapshot``: the inventory that labels are made from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.config.options import Option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.inventory import snapshot as text
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    inventory = single_run.take_snapshot(build_request(loaded.config))
    path = values["snapshot_file"]
    is_json = path is not None and path.name.endswith(".json")
    content = text.to_json(inventory) if is_json else text.to_yaml(inventory)
    if path is None:
        sys.stdout.write(content)
        return
    try:
        path.write_text(content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise GfdError(f"--file {path}: {reason}; name a file where one can be written") from error


COMMAND = Command(
    help="Print the inventory that labels are made from, for replay.",
    run=_run,
    options=(
        Option(
            field="snapshot_file",
            flags=("--file", "-o"),
            kind="path",
            metavar="FILE",
            group="Snapshot",
            help="Write there, JSON if the name ends in .json, instead of printing YAML.",
        ),
    ),
)
