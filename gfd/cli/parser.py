"""Generate the argparse parsers from the options table and the commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any, NoReturn

from gfd.cli import help as texts
from gfd.cli.program import NAME, find_name
from gfd.config.options import COMMAND_LINE, OPTIONS
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from gfd.cli.commands.command import Command, Positional
    from gfd.config.option import Option

HELP_FLAGS = {
    ("-h", "--help"): "Print the help.",
    ("--help-all",): "Print the help with all options, and where to set them.",
    ("-v", "--version"): "Print the version.",
}
"""The flags that only print something."""


class Parser(argparse.ArgumentParser):
    """Raises ConfigError instead of exiting. Leaves the values of options as text, for ``gfd.config``."""

    def __init__(self, *, is_full: bool = False, **settings: Any) -> None:
        """With ``is_full``, the help shows all options, and all places to set them."""
        super().__init__(formatter_class=texts.HelpFormatter, add_help=False, allow_abbrev=False, **settings)
        self._is_full = is_full

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError."""
        raise ConfigError(self.prog, COMMAND_LINE, f"{message}; see {self.prog} --help")

    def add_command(self, command: Command) -> None:
        """Add the arguments and options of a command, and the general options that it accepts."""
        if command.positional is not None:
            self.add_positional(command.positional)
        self._add_options(command.options)
        taken = {flag for option in command.options for flag in option.flags}
        self._add_options([each for each in OPTIONS if each.field in command.accepted_fields], taken)
        self._add_help_flags()

    def add_general_options(self, shown: Collection[str]) -> None:
        """Add all options of the table. The short help shows only those with the fields ``shown``."""
        if self._is_full:
            self._add_options(OPTIONS)
        else:
            self._add_options([option._replace(group="Most used options") for option in OPTIONS], shown=shown)
        self._add_help_flags()

    def _add_help_flags(self) -> None:
        group = self.add_argument_group("Help")
        for flags, text in HELP_FLAGS.items():
            group.add_argument(*flags, action="store_true", help=text)

    def _add_options(
        self,
        options: Iterable[Option],
        taken: Collection[str] = (),
        shown: Collection[str] | None = None,
    ) -> None:
        """Add options by group, without the flags in ``taken``; hide options with fields not in ``shown``."""
        groups: dict[str, argparse._ArgumentGroup] = {}
        for option in options:
            flags = [flag for flag in option.flags if flag not in taken]
            if not flags:
                continue
            if option.group not in groups:
                groups[option.group] = self.add_argument_group(option.group)
            action = self.add_option(groups[option.group], option, flags)
            if shown is not None and option.field not in shown:
                action.help = argparse.SUPPRESS

    def add_option(
        self, group: argparse._ArgumentGroup, option: Option, flags: Iterable[str]
    ) -> argparse.Action:
        """Add one option; a value is optional for a bool."""
        is_bool = option.kind == "bool"
        return group.add_argument(
            *flags,
            dest=option.field,
            action="append" if option.is_repeatable else "store",
            nargs=argparse.OPTIONAL if is_bool else None,
            const="true" if is_bool else None,
            metavar=texts.name_value(option),
            help=texts.describe(option, is_full=self._is_full),
        )

    def add_positional(self, positional: Positional) -> argparse.Action:
        """Add the words that a command takes without a flag."""
        several = argparse.ONE_OR_MORE if positional.is_required else argparse.ZERO_OR_MORE
        return self.add_argument_group("Arguments").add_argument(
            positional.field,
            nargs=several if positional.is_repeatable else None,
            metavar=positional.metavar,
            help=texts.describe_positional(positional),
        )


def make_parser(
    commands: Mapping[str, Command],
    *,
    is_full: bool = False,
    program: str = NAME,
    parser_class: type[Parser] = Parser,
) -> Parser:
    """Return the parser for the part before a command; with ``is_full``, also for the part after it."""
    parser = parser_class(
        prog=program,
        usage=f"{program} {texts.USAGE}",
        description=f"{texts.ABOUT} {texts.SERVICE}",
        epilog=texts.EXIT_CODES if is_full else f"{program} {texts.MORE}",
        is_full=is_full,
    )
    if commands:
        list_ = parser.add_subparsers(title="Commands", metavar="COMMAND", prog=program)
        for name, command in commands.items():
            subparser = list_.add_parser(name, help=command.help, is_full=is_full)
            if is_full:
                subparser.add_command(command)
    parser.add_general_options(texts.MOST_USED)
    return parser


def make_command_parser(name: str, command: Command) -> Parser:
    """Return the parser for the part after the command ``name``; its help is complete."""
    program = f"{find_name()} {name}"
    parser = Parser(
        prog=program,
        usage=f"{program} {command.usage}",
        description=command.help,
        epilog=command.notes,
        is_full=True,
    )
    parser.add_command(command)
    return parser
