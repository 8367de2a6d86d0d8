"""``gfd cleanup``: remove the labels that gfd, or the original, published."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command
from gfd.cli.commands.shared import CONFIGURATION
from gfd.config.option import Option
from gfd.config.options import COMMAND_LINE
from gfd.errors import ApiError, ConfigError, GfdError, PublishError

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import Config, LoadedConfig
    from gfd.publishing.cleanup import Removal


def _run(loaded: LoadedConfig, values: Values) -> None:
    """Remove the labels and print a line for each target. At the end, raises GfdError if some failed."""
    from gfd.publishing.cleanup import find_removals

    config = loaded.config
    is_everywhere, is_original = values["all_nodes"], values["from_original"]
    sinks = ("nodefeature",) if is_original else config.sinks
    if is_everywhere and not {"node", "nodefeature"} & set(sinks):
        reason = "works for --sink node and nodefeature only; for other sinks run gfd cleanup on each node"
        raise ConfigError("--all-nodes", COMMAND_LINE, reason)
    errors: list[str] = []
    for sink in sinks:
        if sink == "stdout":
            sys.stdout.write("--sink stdout: nothing to remove\n")
            continue
        try:
            removals = find_removals(config, sink, is_everywhere=is_everywhere, is_original=is_original)
        except ApiError as error:
            errors.append(f"--sink {sink}: {error}")
            continue
        errors += _remove(removals)
        if not removals:
            sys.stdout.write(f"--sink {sink}: {_explain_nothing(config, sink)}\n")
    if config.node_condition and not is_original:
        errors += _remove_conditions(config, is_everywhere=is_everywhere)
    if errors:
        raise GfdError("; ".join(errors))


def _remove_conditions(config: Config, *, is_everywhere: bool) -> list[str]:
    """Remove the Node conditions; return the errors."""
    from gfd.publishing.cleanup import find_condition_removals

    try:
        removals = find_condition_removals(config, is_everywhere=is_everywhere)
    except ApiError as error:
        return [f"--node-condition: {error}"]
    if not removals:
        sys.stdout.write("--node-condition: nothing to remove: gfd holds no condition of any Node\n")
    return _remove(removals)


def _remove(removals: list[Removal]) -> list[str]:
    """Remove each target and print a line for it; return the errors."""
    from gfd.clusterview.progress import track

    errors = []
    for removal in track(removals, "cleaning up"):
        try:
            result = "removed" if removal.remove() else "nothing to remove"
        except (ApiError, PublishError) as error:
            errors.append(str(error))
        else:
            sys.stdout.write(f"{removal.target}: {result}\n")
    return errors


def _explain_nothing(config: Config, sink: str) -> str:
    if sink == "node":
        return "nothing to remove: gfd holds no key of any Node"
    return f"nothing to remove in namespace {config.namespace}; use --namespace for another one"


COMMAND = Command(
    help="Remove the labels that gfd published to each --sink.",
    run=_run,
    options=(
        Option(
            field="all_nodes",
            flags=("--all-nodes",),
            kind="bool",
            default="false",
            group="Cleanup",
            help="Remove the labels from all nodes; needs the rights to do so, for example by --kubeconfig.",
        ),
        Option(
            field="from_original",
            flags=("--from-original",),
            kind="bool",
            default="false",
            group="Cleanup",
            help="Delete only the NodeFeature object that NVIDIA's gpu-feature-discovery left behind.",
        ),
    ),
    general_options=(
        *CONFIGURATION,
        "sinks",
        "use_node_feature_api",
        "output_file",
        "namespace",
        "node_condition",
    ),
    examples=("gfd cleanup --sink node --node-name gpu-node-1", "gfd cleanup --sink nodefeature --all-nodes"),
    # Sinks need a node name, but here it is not used.
    implied_options={"all_nodes": {"node_name": "all nodes"}},
)
