"""The argparse parsers, generated from the options table and the commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, NoReturn

from gfd.cli import help as texts
from gfd.config.options import COMMAND_LINE, OPTIONS
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gfd.cli.commands.command import Command, Positional
    from gfd.config.options import Option

PROGRAM = "gfd"
HELP_FLAGS = {
    ("-h", "--help"): "Print the help.",
    ("--help-all",): "Print the help with all options.",
    ("-v", "--version"): "Print the version.",
}
"""The flags that print something and do nothing else."""


class Parser(argparse.ArgumentParser):
    """Raises ConfigError instead of exiting. The values of options stay text for ``gfd.config`` to read."""

    def __init__(
        self,
        *,
        prog: str,
        usage: str | None = None,
        description: str = "",
        epilog: str = "",
        is_full: bool = False,
    ) -> None:
        """``is_full``: the help shows all options, and all places where they can be set."""
        super().__init__(
            prog=prog,
            usage=usage,
            description=_escape(description),
            epilog=_escape(epilog),
            formatter_class=texts.HelpFormatter,
            add_help=False,
            allow_abbrev=False,
        )
        self._is_full = is_full

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        raise ConfigError(self.prog, COMMAND_LINE, f"{message}; see {self.prog} --help")

    def add_command(self, command: Command) -> None:
        """Add what is special to a command."""
        if command.positional is not None:
            self.add_positional(command.positional)
        self._add_groups(command.options, taken=())

    def add_general_options(self, title: str, shown: Collection[str], taken: Collection[str] = ()) -> None:
        """Add the options of the table, without the flags that are ``taken``.

        The short help shows those with the fields ``shown``, in one group.
        """
        if self._is_full:
            self._add_groups(OPTIONS, taken)
            return
        group = self.add_argument_group(title)
        for option in OPTIONS:
            self._add_option(group, option, taken, is_shown=option.field in shown)

    def add_help_flags(self, *, is_shown: bool = True) -> None:
        """Add the flags that print something and do nothing else."""
        group = self.add_argument_group("Help")
        for flags, text in HELP_FLAGS.items():
            group.add_argument(*flags, action="store_true", help=text if is_shown else argparse.SUPPRESS)

    def add_positional(self, positional: Positional) -> argparse.Action:
        """Add the words that a command takes without a flag."""
        several = argparse.ONE_OR_MORE if positional.is_required else argparse.ZERO_OR_MORE
        return self.add_argument_group("Arguments").add_argument(
            positional.field,
            nargs=several if positional.is_repeatable else None,
            metavar=positional.metavar,
            help=_escape(texts.describe_positional(positional)),
        )

    def add_flags(
        self, group: argparse._ArgumentGroup, option: Option, flags: Iterable[str], text: str
    ) -> argparse.Action:
        """Add one option."""
        is_bool = option.kind == "bool"
        return group.add_argument(
            *flags,
            dest=option.field,
            action="append" if option.is_repeatable else "store",
            nargs=argparse.OPTIONAL if is_bool else None,
            const="true" if is_bool else None,
            metavar=texts.name_value(option),
            help=_escape(text),
        )

    def _add_groups(self, options: Iterable[Option], taken: Collection[str]) -> None:
        groups: dict[str, argparse._ArgumentGroup] = {}
        for option in options:
            if option.group not in groups:
                groups[option.group] = self.add_argument_group(option.group)
            self._add_option(groups[option.group], option, taken)

    def _add_option(
        self,
        group: argparse._ArgumentGroup,
        option: Option,
        taken: Collection[str],
        *,
        is_shown: bool = True,
    ) -> None:
        flags = [flag for flag in option.flags if flag not in taken]
        text = texts.describe(option, with_sources=self._is_full) if is_shown else argparse.SUPPRESS
        if flags:
            self.add_flags(group, option, flags, text)


def make_parser(
    commands: Mapping[str, Command],
    *,
    is_full: bool = False,
    program: str = PROGRAM,
    parser_class: type[Parser] = Parser,
) -> Parser:
    """Return the parser of what stands before a command. If ``is_full``, it also has what stands after it."""
    parser = parser_class(
        prog=program,
        usage=texts.USAGE,
        description=f"{texts.ABOUT} {texts.SERVICE}",
        epilog=texts.EXIT_CODES if is_full else texts.MORE,
        is_full=is_full,
    )
    if commands:
        list_ = parser.add_subparsers(title="Commands", metavar="COMMAND", prog=program)
        for name, command in commands.items():
            subparser = list_.add_parser(name, help=command.help, is_full=is_full)
            if is_full:
                _fill(subparser, command)
    parser.add_general_options("Most used options", texts.MOST_USED)
    parser.add_help_flags(is_shown=is_full)  # the short help names them at its end
    return parser


def make_command_parser(name: str, command: Command, *, is_full: bool = False) -> Parser:
    """Return the parser of what stands after the command ``name``."""
    program = f"{PROGRAM} {name}"
    parser = Parser(
        prog=program,
        usage=f"{program} {command.usage}",
        description=command.help,
        epilog=command.notes,
        is_full=is_full,
    )
    _fill(parser, command)
    return parser


def _escape(text: str) -> str:
    """Return the text as argparse prints it."""
    return text.replace("%", "%%")


def _fill(parser: Parser, command: Command) -> None:
    parser.add_command(command)
    taken = {flag for option in command.options for flag in option.flags}
    parser.add_general_options("General options", command.general_options, taken)
    parser.add_help_flags()
