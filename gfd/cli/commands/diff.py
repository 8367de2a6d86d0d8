"""``gfd diff``: what a cycle now would change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.config.options import Option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Config, Loaded


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.printable import complain
    from gfd.tools.diff import diff
    from gfd.tools.terminal import is_coloured
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    config = _choose_sink(loaded)
    if config.sinks == ("stdout",):
        raise GfdError("--sink stdout: what is printed is not kept, so there is nothing to compare with")
    reading = single_run.label(build_request(config))
    for warning in reading.warnings():
        complain(f"warning: {warning}")
    found = list(diff.compare(config, reading.labels))
    comparisons = [each for each in found if isinstance(each, diff.Comparison)]
    if values["format"] == "json":
        sys.stdout.write(diff.to_json(comparisons))
    else:
        coloured = is_coloured(sys.stdout)
        sys.stdout.write("\n".join(diff.to_text(each, is_coloured=coloured) for each in comparisons))
    complaints = [str(each) for each in found if isinstance(each, GfdError)]
    complaints += [f"{each.target}: {diff.summarise(each)}" for each in comparisons if each.has_changes]
    if complaints:
        raise GfdError("; ".join(complaints))


def _choose_sink(loaded: Loaded) -> Config:
    """Return the configuration with the sink that holds this node's labels, where none was named."""

    from gfd.printable import complain
    from gfd.tools.diff.publication import find_sink

    config = loaded.config
    origins = {setting.option.field: setting.origin for setting in loaded.settings}
    if origins["sinks"] != "default" or config.use_node_feature_api:
        return config
    found = find_sink(config)
    if found is None or found in config.sinks:
        return config
    complain(f"no --sink is given; --sink {found} is used, since it holds labels of this node")
    return config._replace(sinks=(found,))


COMMAND = Command(
    asks_pod=True,
    help="Show what a cycle now would change; exit code 1 if anything.",
    notes="Without --sink it compares with the sink that holds labels of this node. In a pod, the token of "
    "the service account tells node and namespace.",
    run=_run,
    options=(
        Option(
            field="format",
            flags=("--format", "-o"),
            kind="choice",
            choices=("text", "json"),
            default="text",
            group="Diff",
            help="How to print.",
        ),
    ),
)
