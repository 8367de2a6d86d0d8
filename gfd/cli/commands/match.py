"""``gfd match``: find the nodes that pods fit, or explain why no node fits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Positional
from gfd.cli.commands.shared import CLUSTER, NODE_FILES, SIMULATED, make_format_option
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig
    from gfd.tools.match.results import MatchResult


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.clusterview import sources
    from gfd.clusterview.progress import track
    from gfd.text import print_error
    from gfd.tools.match.cluster_state import ClusterState
    from gfd.tools.match.index import build_index
    from gfd.tools.match.reader import read_pods
    from gfd.tools.match.results import find_error, match_pod

    _check_standard_input(values)
    pods = read_pods(values["files"])
    state = ClusterState(nodes=sources.read_nodes_and_pods(loaded, values["nodes_file"], values["pods_file"]))
    index = build_index(state.nodes)
    if not values["nodes_file"] and not all(node.is_counted for node in state.nodes):
        print_error("warning: without the right to list pods, it is unknown what they leave free")
    results = [match_pod(pod, index, state) for pod in track(pods, "Matching")]
    failure = find_error(results)
    try:
        _write(results, values["format"])
    except BrokenPipeError as error:
        # The reader has closed the pipe; the exit code still shows whether every pod fits.
        raise failure or error from error
    if failure:
        raise failure


def _check_standard_input(values: Values) -> None:
    files = [*values["files"], *(str(values[name]) for name in ("nodes_file", "pods_file") if values[name])]
    if files.count("-") > 1:
        reason = "standard input can be read only once; use - for one of FILE, --nodes and --pods"
        raise ConfigError("-", COMMAND_LINE, reason)


def _write(results: Sequence[MatchResult], form: str) -> None:
    from gfd.tools import terminal
    from gfd.tools.match.output import format_json, format_text

    out = sys.stdout
    if form == "json":
        out.writelines(format_json(results))
    else:
        width, is_coloured = terminal.width_of(out), terminal.is_coloured(out)
        for number, each in enumerate(results):
            out.write("\n" if number else "")
            out.write(format_text(each, width=width, is_coloured=is_coloured))
    out.flush()


COMMAND = Command(
    help="Find the nodes that a pod fits; if none, say why.",
    run=_run,
    general_options=CLUSTER,
    machine_options=SIMULATED,
    examples=("gfd match pod.yaml", "kubectl get pod train-0 -o yaml | gfd match -"),
    positional=Positional(
        field="files",
        metavar="FILE",
        help="Pods or objects that create them, such as a Deployment; - reads standard input.",
        is_repeatable=True,
        is_file=True,
    ),
    options=(
        make_format_option("table", "json", group="Match", default="table"),
        *NODE_FILES,
    ),
)
