"""``gfd match``: find the nodes that pods fit, or explain why no node fits."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Positional
from gfd.cli.commands.shared import CLUSTER, NODE_FILES, SIMULATED, make_format_option
from gfd.config.option import Option
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig
    from gfd.tools.match.results import MatchResult


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.clusterview.garbage_collector import without_garbage_collector

    _check_options(values)
    if values["to_dra"]:
        _rewrite(loaded, values)
        return
    # Verdicts of thousands of nodes have no cycles, and each collection would look at all of them.
    with without_garbage_collector():
        _match(loaded, values)


def _match(loaded: LoadedConfig, values: Values) -> None:
    from gfd.text import print_error
    from gfd.tools.match.cluster_source import read_runtime_classes, read_state
    from gfd.tools.match.fixes.index import build_index
    from gfd.tools.match.manifests.objects import read_file
    from gfd.tools.match.results import find_error, match_pods
    from gfd.tools.match.runtime_classes import apply_runtime_classes
    from gfd.tools.match.workloads.reader import join_claim_objects, read_workloads

    workloads = read_workloads(map(read_file, values["files"]))
    pods = [pod for each in workloads for pod in each.pods]
    specs = [pod.spec for pod in pods]
    classes = read_runtime_classes(loaded, specs, values["nodes_file"])
    pods = apply_runtime_classes(pods, classes)
    state = read_state(
        loaded, specs, values["nodes_file"], values["pods_file"], join_claim_objects(workloads)
    )
    index = build_index(state.nodes)
    if not values["nodes_file"] and not all(node.is_counted for node in state.nodes):
        print_error("warning: without the right to list pods, it is unknown what they leave free")
    results = match_pods(pods, index, state, is_each=values["each"])
    failure = find_error(results)
    try:
        _write(results, values["format"], is_whole=values["all"])
    except BrokenPipeError as error:
        # The reader has closed the pipe; the exit code still shows whether every pod fits.
        raise failure or error from error
    if failure:
        raise failure


def _rewrite(loaded: LoadedConfig, values: Values) -> None:
    """Print the objects with claims for the devices of NVIDIA's DRA driver."""
    from gfd.text import print_error
    from gfd.tools.match.manifests.objects import read_file
    from gfd.tools.match.rewrite import output
    from gfd.tools.match.rewrite.knowledge import learn
    from gfd.tools.match.rewrite.objects import rewrite_objects
    from gfd.tools.match.workloads.reader import read_workloads

    files = [read_file(path) for path in values["files"]]
    workloads = read_workloads(files)
    known, nodes = learn(loaded, workloads, values["nodes_file"])
    objects = output.add_remarks_about_comments(rewrite_objects(workloads, known, nodes), files)
    for warning in output.list_warnings(objects):
        print_error(warning)
    is_json, failure = values["format"] == "json", output.find_error(objects)
    try:
        sys.stdout.writelines([output.format_json(objects)] if is_json else output.format_yaml(objects))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise failure or error from error
    if failure:
        raise failure


def _check_options(values: Values) -> None:
    """Raise ConfigError for options that exclude each other."""
    if values["to_dra"]:
        for flag, name in (("--each", "each"), ("--all", "all"), ("--pods", "pods_file")):
            if values[name]:
                reason = "cannot be used with --to-dra, which compares no pods with nodes; leave it out"
                raise ConfigError(flag, COMMAND_LINE, reason)
    elif values["format"] == "yaml":
        reason = "yaml is only for --to-dra; write -o table or -o json"
        raise ConfigError("-o", COMMAND_LINE, reason)
    files = [*values["files"], *(str(values[name]) for name in ("nodes_file", "pods_file") if values[name])]
    if files.count("-") > 1:
        reason = "standard input can be read only once; use - for one of FILE, --nodes and --pods"
        raise ConfigError("-", COMMAND_LINE, reason)


def _write(results: Sequence[MatchResult], form: str, *, is_whole: bool) -> None:
    from gfd.tools import terminal
    from gfd.tools.match.output import format_json, format_results

    out = sys.stdout
    if form == "json":
        out.writelines(format_json(results))
    else:
        width, is_coloured = terminal.width_of(out), terminal.is_coloured(out)
        out.writelines(format_results(results, width=width, is_coloured=is_coloured, is_whole=is_whole))
    out.flush()


COMMAND = Command(
    help="Find the nodes that a pod fits; if none, say why.",
    run=_run,
    flag_hints=dict.fromkeys(
        ("--f", "--file", "--filename"), "write the files without a flag: gfd match pod.yaml"
    ),
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
        make_format_option(
            "table",
            "json",
            "yaml",
            group="Match",
            default="table",
            help_="The output format; with --to-dra yaml (the default) or json.",
        ),
        Option(
            field="each",
            flags=("--each",),
            kind="bool",
            default="false",
            group="Match",
            help="Judge each pod alone; otherwise each takes devices, cpu and memory from those after it.",
        ),
        Option(
            field="all",
            flags=("--all",),
            kind="bool",
            default="false",
            group="Match",
            help="Print all nodes; otherwise at most 20 of those that the pod does not fit.",
        ),
        Option(
            field="to_dra",
            flags=("--to-dra",),
            kind="bool",
            default="false",
            group="Match",
            help=(
                "Print the objects with ResourceClaimTemplates (DRA) in place of nodeSelector and "
                "nvidia.com/gpu; for kubectl apply."
            ),
        ),
        *NODE_FILES,
    ),
    notes=(
        "The pods of one run are placed one after the other: by priority, then in the order of the files. "
        "Exit code 0: all of them fit. Exit code 3: some only may fit, and the output says what gfd cannot "
        "judge. Exit code 1: a pod does not fit, or an error. With --to-dra, nothing is judged: exit code 3 "
        "then means that a ResourceClaim cannot say all that the pods ask for; warnings name each part."
    ),
)
