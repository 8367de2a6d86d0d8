"""Find the labels to compare with a template: those of a Node, or those that gfd reads on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, DriverUnavailable, GfdError
from gfd.text import join_first
from gfd.tools.diff.template_diff import TemplateDiff, compare_with_template
from gfd.tools.template.model import is_gfd_key
from gfd.tools.template.running_node import read_running_node
from gfd.tools.template.saved_file import read_saved_template

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.config.model import Config, LoadedConfig
    from gfd.tools.template.saved_file import SavedTemplate


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateTarget:
    """What to compare: a file, with a Node or with this machine."""

    template_file: Path
    node: str | None = None
    """The name of a Node; None for this machine."""
    nodes_file: Path | None = None


def diff_template(loaded: LoadedConfig, target: TemplateTarget) -> tuple[TemplateDiff, list[str]]:
    """Return the comparison with a template, and warnings. Raises GfdError if nothing can be compared."""
    diff, warnings = _diff(loaded, target)
    if not diff.is_compared:
        keys = join_first(sorted(diff.template.labels), 3)
        advice = "print more labels with gfd template"
        if target.node is None:
            advice += ", or compare with a Node: add --node NAME"
        raise GfdError(f"{diff.template.source}: {diff.target} cannot tell {keys}; {advice}")
    return diff, warnings


def _diff(loaded: LoadedConfig, target: TemplateTarget) -> tuple[TemplateDiff, list[str]]:
    if target.nodes_file is not None and target.node is None:
        raise ConfigError("--nodes", COMMAND_LINE, "needs --node NAME, the node to compare with")
    template = read_saved_template(target.template_file)
    if target.node is None:
        return _compare_machine(loaded.config, template)
    node, _ = read_running_node(loaded.config, target.node, target.nodes_file)
    if not any(map(is_gfd_key, node.labels)):
        raise GfdError(f"node {target.node} has no labels of gfd; run gfd doctor there to see why")
    return compare_with_template(template, f"Node {target.node}", node.labels, lambda _: True), []


def _compare_machine(config: Config, template: SavedTemplate) -> tuple[TemplateDiff, list[str]]:
    from gfd.worker import single_run
    from gfd.worker.request import build_request

    try:
        reading = single_run.label(build_request(config))
    except DriverUnavailable as error:
        raise DriverUnavailable(str(error), "to compare with a Node, add --node NAME") from error

    def may_write(key: str) -> bool:
        return is_gfd_key(key) or key.startswith(config.label_prefix_allow)

    name = config.simulate or "this machine"
    return compare_with_template(template, name, reading.labels, may_write), reading.warnings()
