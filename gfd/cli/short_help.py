"""Write the help of a command that fits a screen: its own options, two examples, and the other groups."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from gfd.cli.help import WIDTH, describe, find_first_clause, name_value
from gfd.cli.program import find_name, replace_name
from gfd.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.cli.commands.command import Command, Positional
    from gfd.config.option import Option

_INDENT = "  "
_MAX_COLUMN = 26
"""The rightmost column in which texts begin, if the line has room for the text."""


def write_short_help(name: str, command: Command) -> str:
    """Return the help of the command ``name``; an option has its first clause and its default."""
    program = f"{find_name()} {name}"
    rows = [_describe_positional(command.positional)] if command.positional else []
    rows += [_describe_option(option) for option in command.options]
    groups = {option.group: None for option in OPTIONS if option.field in command.accepted_fields}
    rest = f"--help-all adds: {', '.join(groups)}."
    parts = [
        [*_wrap(f"usage: {program} {command.usage}"), *_wrap(command.help)],
        list(_align(rows)),
        ["Examples:", *(f"{_INDENT}{replace_name(each)}" for each in command.examples), *_wrap(rest)],
    ]
    return "\n".join("".join(f"{line}\n" for line in part) for part in parts if part)


def _describe_positional(positional: Positional) -> tuple[str, str]:
    choices = f": {', '.join(positional.choices)}" if positional.choices else ""
    return positional.metavar, f"{find_first_clause(positional.help)}{choices}."


def _describe_option(option: Option) -> tuple[str, str]:
    flags = f"{', '.join(option.flags)} {name_value(option)}".rstrip()
    return flags, describe(option, is_full=False)


def _align(rows: list[tuple[str, str]]) -> Iterator[str]:
    """Yield a line for each row, or more if its text has no room on it."""
    column = min(len(_INDENT) + max((len(head) + 2 for head, _ in rows), default=0), _MAX_COLUMN)
    for head, text in rows:
        line = f"{_INDENT}{head}".ljust(column - 2) + f"  {text}"
        if len(line) <= WIDTH:
            yield line
        elif len(head) + 2 * len(_INDENT) <= column:
            yield from _wrap(text, f"{_INDENT}{head}".ljust(column), " " * column)
        else:
            yield f"{_INDENT}{head}"
            yield from _wrap(text, " " * column, " " * column)


def _wrap(text: str, first: str = "", later: str = "") -> list[str]:
    """Return the lines of a text; ``first`` and ``later`` begin the first line and the others."""
    return textwrap.wrap(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
