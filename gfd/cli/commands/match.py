"""``gfd match``: which nodes do these pods fit, and if none, why."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Words
from gfd.cli.commands.sources import NODES
from gfd.config.options import COMMAND_LINE, Option
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded
    from gfd.tools.match.matching import Answer

FORMAT_NAMES = ("table", "json")


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.clusterview import sources
    from gfd.clusterview.progress import track
    from gfd.printable import complain
    from gfd.tools.match import index, matching, podfiles

    _check_standard_input(values)
    pods = podfiles.read_files(values["files"])
    found = index.take(sources.read_nodes(loaded, values["nodes_file"], values["pods_file"]))
    is_file = values["nodes_file"] and not values["pods_file"]
    if (is_file or not all(node.is_counted for node in found.nodes)) and any(
        pod.spec.requests for pod in pods
    ):
        why = "without --pods" if is_file else "as pods may not be listed"
        complain(f"warning: {why}, every device counts as free")
    answers = [matching.answer(pod, found) for pod in track(pods, "Matching")]
    fault = matching.find_fault(answers)
    try:
        _write(answers, values["format"])
    except BrokenPipeError as error:
        # Nobody reads on; the exit code still says whether everything fits.
        raise fault or error from error
    if fault:
        raise fault


def _check_standard_input(values: Values) -> None:
    places = [*values["files"], *(str(values[name]) for name in ("nodes_file", "pods_file") if values[name])]
    if places.count("-") > 1:
        raise ConfigError("-", COMMAND_LINE, "standard input can be read once: as FILE, --nodes or --pods")


def _write(answers: Sequence[Answer], form: str) -> None:
    from gfd.tools import terminal
    from gfd.tools.match import answers as formats

    out = sys.stdout
    if form == "json":
        out.writelines(formats.to_json(answers))
    else:
        width, is_coloured = terminal.width_of(out), terminal.is_coloured(out)
        for number, each in enumerate(answers):
            out.write("\n" if number else "")
            out.write(formats.to_text(each, width=width, is_coloured=is_coloured))
    out.flush()


COMMAND = Command(
    help="Tell which nodes pods fit, and if none, why.",
    run=_run,
    words=Words(
        field="files",
        metavar="FILE",
        help="Pods, or objects that pods are made of, in YAML or JSON; - reads standard input.",
        at_most=None,
    ),
    options=(
        Option(
            field="format",
            flags=("--format", "-o"),
            kind="choice",
            choices=FORMAT_NAMES,
            default="table",
            group="Match",
            help="How to print.",
        ),
        *NODES,
    ),
)
