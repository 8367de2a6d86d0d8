"""``gfd explain``: explain what labels mean and where their values come from."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gfd.cli.commands.command import Command, Positional
from gfd.cli.commands.shared import (
    CONFIGURATION,
    LABELLING,
    NODE_FILES,
    READING,
    make_format_option,
    make_inventory_option,
)
from gfd.config.option import Option

if TYPE_CHECKING:
    from gfd.cli.commands.command import Values
    from gfd.config.model import LoadedConfig

GROUP = "Explain"


def _run(loaded: LoadedConfig, values: Values) -> None:
    from gfd.text import print_error
    from gfd.tools.explain import answers, formats

    question = answers.Question(
        keys=values["keys"],
        is_catalog=values["catalog"],
        node=values["node"],
        nodes_file=values["nodes_file"],
        inventory_file=values["inventory"],
        output_format=values["format"],
    )
    answer = answers.answer(loaded, question)
    for warning in answer.warnings:
        print_error(f"warning: {warning}")
    sys.stdout.write(formats.format_answer(question, answer, sys.stdout))
    answers.reject_unknown_keys(answer)


COMMAND = Command(
    help="Explain labels: meaning, unit and origin.",
    run=_run,
    general_options=(*CONFIGURATION, *LABELLING, *READING),
    examples=("gfd explain gpu.memory --simulate dgx-h100", "gfd explain gpu.product --node gpu-node-1"),
    positional=Positional(
        field="keys",
        metavar="KEY",
        help="The key of a label, with or without nvidia.com/. Without a key: one line for each label.",
        is_required=False,
        is_repeatable=True,
    ),
    options=(
        make_format_option(
            "table",
            "json",
            "markdown",
            group=GROUP,
            default="table",
            help_="The output format; markdown only with --catalog.",
        ),
        Option(
            field="catalog",
            flags=("--catalog",),
            kind="bool",
            default="false",
            group=GROUP,
            help="Explain every label that gfd can write, without reading a machine.",
        ),
        make_inventory_option(group=GROUP, help_="Explain the labels of a snapshot instead of this machine"),
        Option(
            field="node",
            flags=("--node",),
            metavar="NAME",
            group=GROUP,
            help="Explain the labels of this node of the cluster, and say who owns them.",
        ),
        *(option for option in NODE_FILES if option.field == "nodes_file"),
    ),
)
