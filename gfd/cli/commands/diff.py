"""``gfd diff``: show the labels that gfd would change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import CONFIGURATION, LABELLING, READING, make_format_option
from gfd.errors import GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import Config, LoadedConfig


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.text import print_error
    from gfd.tools.diff import diff
    from gfd.tools.terminal import is_coloured
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    config = _choose_sink(loaded)
    if config.sinks == ("stdout",):
        raise GfdError("--sink stdout: printed labels are not stored, so there is nothing to compare with")
    reading = single_run.label(build_request(config))
    for warning in reading.warnings():
        print_error(f"warning: {warning}")
    found = list(diff.compare(config, reading.labels))
    diffs = [each for each in found if isinstance(each, diff.SinkDiff)]
    if values["format"] == "json":
        sys.stdout.write(diff.to_json(diffs))
    else:
        coloured = is_coloured(sys.stdout)
        sys.stdout.write("\n".join(diff.to_text(each, is_coloured=coloured) for each in diffs))
    complaints = [str(each) for each in found if isinstance(each, GfdError)]
    complaints += [f"{each.target}: {diff.summarise(each)}" for each in diffs if each.has_changes]
    if complaints:
        raise GfdError("; ".join(complaints))


def _choose_sink(loaded: LoadedConfig) -> Config:
    """Return the configuration; if it names no sink, choose the one that holds labels of this node."""
    from gfd.text import print_error
    from gfd.tools.diff.current_sink import find_current_sink

    config = loaded.config
    origins = {setting.option.field: setting.origin for setting in loaded.options}
    if origins["sinks"] != "default" or config.use_node_feature_api:
        return config
    found = find_current_sink(config)
    if found is None or found in config.sinks:
        return config
    print_error(f"using --sink {found}, which holds labels of this node")
    return config._replace(sinks=(found,))


COMMAND = Command(
    help="Show which published labels gfd would change.",
    notes="Without --sink, gfd compares with the sink that holds labels of this node. In a pod, it reads the "
    "names of the node and the namespace from the token of the service account. The exit code is 1 if "
    "gfd would change anything.",
    general_options=(
        *CONFIGURATION,
        *LABELLING,
        *READING,
        "sinks",
        "use_node_feature_api",
        "output_file",
        "namespace",
        "pod_name",
        "as_annotations",
        "force_conflicts",
        "label_ttl_s",
        "sleep_interval_s",  # label_ttl_s must be longer
    ),
    examples=("gfd diff", "gfd diff --sink node --node-name gpu-node-1 -o json"),
    run=_run,
    reads_pod_token=True,
    options=(make_format_option("text", "json", group="Diff", default="text"),),
)
