"""``gfd explain``: what labels mean, and what they are made of."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Words
from gfd.cli.commands.sources import NODES
from gfd.config.options import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.load import Loaded

GROUP = "Explain"


def _run(loaded: Loaded, values: Values) -> None:
    from gfd.printable import complain
    from gfd.tools.explain import answers, pages

    question = answers.Question(
        keys=values["keys"],
        is_catalogue=values["catalog"],
        node=values["node"],
        nodes_file=values["nodes_file"],
        inventory_file=values["inventory"],
        page=values["format"],
    )
    answer = answers.find(loaded, question)
    for warning in answer.warnings:
        complain(f"warning: {warning}")
    sys.stdout.write(pages.write(question, answer, sys.stdout))
    answers.refuse(answer)


COMMAND = Command(
    help="Explain labels: meaning, unit, raw values, sources, devices.",
    run=_run,
    words=Words(
        field="keys",
        metavar="KEY",
        help="A label's key, with or without nvidia.com/; without one, a line for each label there is.",
        at_least=0,
        at_most=None,
    ),
    options=(
        Option(
            field="format",
            flags=("--format", "-o"),
            kind="choice",
            choices=("table", "json", "markdown"),
            default="table",
            group=GROUP,
            help="How to print; markdown is for --catalog.",
        ),
        Option(
            field="catalog",
            flags=("--catalog",),
            kind="bool",
            default="false",
            group=GROUP,
            help="Explain every label that gfd can write, with no machine at all.",
        ),
        Option(
            field="inventory",
            flags=("--inventory",),
            kind="path",
            metavar="FILE",
            group=GROUP,
            help="Explain the labels of a snapshot instead of this machine's; - reads standard input.",
        ),
        Option(
            field="node",
            flags=("--node",),
            metavar="NAME",
            group=GROUP,
            help="Explain the labels that a Node has in the cluster, and who holds them.",
        ),
        *(option for option in NODES if option.field == "nodes_file"),
    ),
)
