"""What ``--help`` prints."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from gfd.cli.exits import ExitCode
from gfd.config.options import OPTIONS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.cli.commands.command import Command, Words
    from gfd.config.options import Option

WIDTH = 80
"""Columns of the narrowest terminal that people still use."""

SYNOPSIS = "gfd [COMMAND] [OPTION…]"
ABOUT = (
    "gfd tells Kubernetes what GPUs a node has. Without a command it is the service: it labels this node now "
    "and again each --sleep-interval."
)
_FOOT = """\
gfd COMMAND --help explains a command's options, and all the others.
"""


def write(commands: Mapping[str, Command]) -> str:
    """Return the help of gfd itself: the commands, and the flags by group, on one screen."""
    column = max(len(name) for name in commands) + 2
    groups: dict[str, list[str]] = {}
    for option in OPTIONS:
        groups.setdefault(option.group, []).append(option.flag)
    title = max(len(group) for group in groups) + 2
    listed = "".join(f"  {name:<{column}}{command.help}\n" for name, command in commands.items())
    flags = "".join(_wrap(f"  {group:<{title}}", " ".join(names)) for group, names in groups.items())
    codes = "".join(_wrap(f"  {code}  ", code.meaning) for code in ExitCode)
    head = f"usage: {SYNOPSIS}\n\n{_wrap('', ABOUT)}"
    return f"{head}\n{listed}\n{flags}\nExit code:\n{codes}\n{_FOOT}"


def write_command(name: str, command: Command) -> str:
    """Return the help of a command: what it does, and each option with all its names."""
    words = command.words
    parts = [f"usage: {write_synopsis(name, command)}\n\n{command.help}\n"]
    if words is not None:
        parts.append("\n" + _wrap(f"  {words.metavar}  ", explain_words(words)))
    if command.notes:
        parts.append("\n" + _wrap("", command.notes))
    groups: dict[str, list[Option]] = {}
    for option in (*command.options, *OPTIONS):
        groups.setdefault(option.group, []).append(option)
    own = {flag for option in command.options for flag in option.flags}
    for group, options in groups.items():
        parts.append(f"\n{group}:\n")
        for option in options:
            hidden = own if option in OPTIONS else set[str]()
            flags = [flag for flag in option.flags if flag not in hidden]
            if flags:
                parts.append(_write_option(option, flags))
    return "".join(parts)


def write_synopsis(name: str, command: Command) -> str:
    """Return how a command is typed."""
    words = "" if command.words is None else f" {command.words.usage}"
    return f"gfd {name}{words} [OPTION…]"


def explain_words(words: Words) -> str:
    """Return what the words after a command are."""
    known = f" One of: {', '.join(words.choices)}." if words.choices else ""
    return words.help + known


def write_value(option: Option) -> str:
    """Return what follows a flag of the option: the metavar, or what it may be; empty for a bool."""
    if option.kind == "bool":
        return ""
    choices = "|".join(option.choices)
    if option.choices and option.metavar:
        return f"{option.metavar} ({choices})"
    return option.metavar or choices


def explain(option: Option) -> str:
    """Return what the option means, its default, and where else it is given."""
    notes = [f"default {option.default}"] if option.default else []
    notes += [f"environment {', '.join(option.environment)}"] if option.environment else []
    notes += [f"config file {option.file_key}"] if option.file_key else []
    return option.help + (f" [{'; '.join(notes)}]" if notes else "")


def _write_option(option: Option, flags: Iterable[str]) -> str:
    named = f"  {', '.join(flags)} {write_value(option)}".rstrip()
    return f"{named}\n{_wrap('      ', explain(option))}"


def _wrap(indent: str, text: str) -> str:
    return (
        textwrap.fill(
            text,
            WIDTH,
            initial_indent=indent,
            subsequent_indent=" " * len(indent),
            break_on_hyphens=False,
            break_long_words=False,
        )
        + "\n"
    )
