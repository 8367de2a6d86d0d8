"""Write the texts of ``--help`` and of the man page, and lay them out for argparse."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from gfd.cli.exits import ExitCode

if TYPE_CHECKING:
    from gfd.cli.commands.command import Positional
    from gfd.config.option import Option

WIDTH = 80
"""The width of the narrowest terminal that people still use, in columns."""

USAGE = "[COMMAND] [OPTION…]"
ABOUT = "gfd labels a Kubernetes node with the GPUs that it has."
SERVICE = (
    "Without a command, gfd runs as a service: it labels this node now and again every --sleep-interval."
)
MORE = "COMMAND --help explains a command."
EXIT_CODES = " ".join(f"Exit code {code}: {code.meaning}" for code in ExitCode)

MOST_USED = (
    "mig_strategy",
    "oneshot",
    "sleep_interval_s",
    "output_file",
    "sinks",
    "simulate",
)
"""The fields of the options on the first screen."""

_END_OF_CLAUSE = re.compile(r"; |\. |\.$")


class HelpFormatter(argparse.HelpFormatter):
    """Shows the value of an option only once, after its last flag, and none for a bool."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=24, width=WIDTH)

    def _format_action(self, action: argparse.Action) -> str:
        if isinstance(action, argparse._SubParsersAction):
            # Show only the commands, without argparse's line for the group.
            return "".join(map(self._format_action, action._get_subactions()))
        return super()._format_action(action)

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap

        return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings:
            return super()._format_action_invocation(action)
        return f"{', '.join(action.option_strings)} {action.metavar or ''}".rstrip()


def name_value(option: Option) -> str:
    """Return the placeholder for the option's value: its metavar or its choices; empty for a bool."""
    return "" if option.kind == "bool" else option.metavar or "|".join(option.choices)


def describe(option: Option, *, is_full: bool) -> str:
    """Return the meaning of the option and its default.

    The full text also has all choices and the other places to set it; the short one is the first clause.
    """
    text = option.help if is_full else f"{find_first_clause(option.help)}."
    if option.choices and option.metavar and (is_full or option.kind == "choice"):
        text += f" Choose from {', '.join(option.choices)}."
    notes = [f"default {option.default}"] if option.default not in {None, "", "false"} else []
    if is_full:
        notes += [f"environment {', '.join(option.environment)}"] if option.environment else []
        notes += [f"config file {option.file_key}"] if option.file_key else []
    return f"{text} [{'; '.join(notes)}]" if notes else text


def find_first_clause(text: str) -> str:
    """Return the text up to the first semicolon or the end of the first sentence."""
    return _END_OF_CLAUSE.split(text, maxsplit=1)[0]


def describe_positional(positional: Positional) -> str:
    """Return the meaning of the words after a command."""
    choices = f" Choose from {', '.join(positional.choices)}." if positional.choices else ""
    return f"{positional.help}{choices}"
