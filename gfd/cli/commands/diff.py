"""``gfd diff``: show the labels that gfd would change."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import (
    CONFIGURATION,
    CONNECTION,
    LABELLING,
    NODE_FILES,
    READING,
    make_format_option,
)
from gfd.config.option import Option
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, GfdError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import Config, LoadedConfig


GROUP = "Diff"
PUBLISHING = (
    "sinks",
    "use_node_feature_api",
    "output_file",
    "namespace",
    "pod_name",
    "as_annotations",
    "force_conflicts",
    "label_ttl_s",
    "sleep_interval_s",  # label_ttl_s must be longer
)
"""Fields of the general options about what is published."""


def _run(loaded: LoadedConfig, values: Values) -> None:
    if values["template_file"] is not None:
        _diff_template(loaded, values)
    else:
        for field, flag in (("node", "--node"), ("nodes_file", "--nodes")):
            if values[field] is not None:
                raise ConfigError(flag, COMMAND_LINE, "needs --template FILE, which gfd template printed")
        _diff_sinks(loaded, values)


def _diff_template(loaded: LoadedConfig, values: Values) -> None:
    from gfd.cli.flag_errors import refuse_ignored_flags
    from gfd.text import print_error
    from gfd.tools.diff import template_diff
    from gfd.tools.diff.template_target import TemplateTarget, diff_template
    from gfd.tools.terminal import is_coloured

    refuse_ignored_flags(loaded, PUBLISHING, "has no effect together with --template; leave it out")
    if values["node"] is not None:
        ignored = {*CONFIGURATION, *LABELLING, *READING} - {*CONNECTION}
        refuse_ignored_flags(loaded, ignored, "has no effect together with --node; leave one of them out")
    target = TemplateTarget(
        template_file=values["template_file"], node=values["node"], nodes_file=values["nodes_file"]
    )
    diff, warnings = diff_template(loaded, target)
    for warning in warnings:
        print_error(f"warning: {warning}")
    if values["format"] == "json":
        sys.stdout.write(template_diff.to_json(diff))
    else:
        sys.stdout.write(template_diff.to_text(diff, is_coloured=is_coloured(sys.stdout)))
    if diff.has_faults:
        raise GfdError(f"{diff.target}: {template_diff.summarise(diff)}")


def _diff_sinks(loaded: LoadedConfig, values: Values) -> None:
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
    "gfd would change anything. With --template, gfd compares the labels that it printed before a node "
    "existed with those of the Node that --node names, or of this machine. The exit code is 1 if a label "
    "is missing or has another value. Labels that the file does not have do no harm, and versions of "
    "driver and CUDA, the timestamp and the clique do not count.",
    general_options=(
        *CONFIGURATION,
        *LABELLING,
        *READING,
        *PUBLISHING,
    ),
    examples=(
        "gfd diff --sink node --node-name gpu-node-1",
        "gfd diff --template nodepool.yaml --node gpu-node-1",
    ),
    run=_run,
    reads_pod_token=True,
    options=(
        make_format_option("text", "json", group=GROUP, default="text"),
        Option(
            field="template_file",
            flags=("--template",),
            kind="path",
            metavar="FILE",
            group=GROUP,
            help="Compare with what gfd template printed, in any format with labels; - reads standard input.",
        ),
        Option(
            field="node",
            flags=("--node",),
            metavar="NAME",
            group=GROUP,
            help="Take the labels of this Node instead of this machine; needs --template.",
        ),
        *(option for option in NODE_FILES if option.field == "nodes_file"),
    ),
)
