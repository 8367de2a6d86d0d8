"""Rewrite the command line from Go's syntax of flags to argparse's, and parse it.

So command lines of the original work here: one dash or two, ``-flag value``, a bool without a value, and
values that begin with a dash.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.cli.flag_errors import explain_unknown_flag, refuse_unused_flags
from gfd.cli.help import name_value
from gfd.cli.parser import HELP_FLAGS, make_command_parser, make_parser
from gfd.cli.word_errors import explain_missing_word, explain_unexpected_word, explain_unknown_command
from gfd.config.options import COMMAND_LINE, OPTIONS
from gfd.config.values import parse_bool, parse_choice
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.cli.commands.command import Command
    from gfd.config.option import Option

_HELP_FLAGS = {flag.lstrip("-"): flags[-1] for flags in HELP_FLAGS for flag in flags}


class Arguments(NamedTuple):
    """A command line, split into parts. A flag with a value has the form ``--flag=value``."""

    before: list[str]
    """The flags before the command."""
    command: str
    """The name of the command; empty if the first word is not a command or there is no word."""
    after: list[str]
    """The flags after the command."""
    words: list[str]
    """All words except the command."""
    flags: list[tuple[str, Option]]
    """The flags with their options, as they were typed."""
    errors: list[ConfigError]
    """The errors in flags and in the name of the command, in order."""

    def find(self, flag: str) -> str | None:
        """Return the last value of a general option; None if the flag is absent."""
        values = [each for each in (*self.before, *self.after) if each.startswith(f"{flag}=")]
        return values[-1].partition("=")[2] if values else None

    def has(self, flag: str) -> bool:
        """Return whether the command line has a flag that takes no value."""
        return flag in self.before or flag in self.after

    @property
    def is_service(self) -> bool:
        """Whether the command line starts the service or one-shot."""
        has_help = any(self.has(flags[-1]) for flags in HELP_FLAGS)
        return not (self.command or self.words or has_help)


def normalise(argv: Sequence[str], commands: Mapping[str, Command]) -> Arguments:
    """Split ``argv`` into parts. A command's own flags are accepted only after its name."""
    known = _index(OPTIONS)
    result = Arguments([], "", [], [], [], [])
    has_flags = True
    words = deque(argv)
    while words:
        word = words.popleft()
        if has_flags and word == "--":
            has_flags = False
        elif has_flags and len(word) >= 2 and word[0] == "-":
            _add_flag(word, words, known, commands, result)
        elif not result.command and not result.words and word in commands:
            result = result._replace(command=word)
            known |= _index(commands[word].options)
        else:
            if not result.command and not result.words:
                result.errors.append(explain_unknown_command(word, commands, result.flags))
            result.words.append(word)
    return result


def parse(arguments: Arguments, commands: Mapping[str, Command]) -> dict[str, Any]:
    """Return the texts of all options and words by field; None for an absent one. Raises ConfigError."""
    if arguments.errors:
        raise arguments.errors[0]
    command = commands.get(arguments.command)
    # argparse's subparsers would replace a list from before the command, instead of adding to it.
    namespace = make_parser({}).parse_args(arguments.before)
    if command is None:
        return vars(namespace)
    refuse_unused_flags(arguments.flags, arguments.command, commands)
    if command.positional and command.positional.is_required and not arguments.words:
        raise explain_missing_word(arguments.command, command)
    parser = make_command_parser(arguments.command, command)
    namespace, rest = parser.parse_known_args([*arguments.after, "--", *arguments.words], namespace)
    rest = [word for word in rest if word != "--"]
    if rest:
        raise explain_unexpected_word(rest[0], arguments.command, command, arguments.flags)
    return vars(namespace)


def read_values(command: Command, texts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the command's own options and words by field. Raises ConfigError."""
    from gfd.config.raw_option import parse_option

    values = {option.field: parse_option(option, texts[option.field]) for option in command.options}
    positional = command.positional
    if positional is None:
        return values
    words = texts[positional.field]
    for word in (words,) if positional.choices else ():
        try:
            parse_choice(word, positional.choices)
        except ValueError as error:
            raise ConfigError(positional.metavar, COMMAND_LINE, str(error)) from None
    return {**values, positional.field: tuple(words) if positional.is_repeatable else words}


def _index(options: Sequence[Option]) -> dict[str, Option]:
    return {flag.lstrip("-"): option for option in options for flag in option.flags}


def _add_flag(
    word: str,
    following: deque[str],
    known: Mapping[str, Option],
    commands: Mapping[str, Command],
    result: Arguments,
) -> None:
    """Add the flag ``word`` and its value to the result; the value may be the next word."""
    flags = result.after if result.command else result.before
    typed, equals, value = word.partition("=")
    name = typed.removeprefix("-").removeprefix("-")
    option = known.get(name)
    if option is not None and option.alone and not equals and _is_alone(following):
        flags.append(f"{option.alone}=true")
    elif option is not None:
        result.flags.append((typed, option))
        rest = (
            [value]
            if equals
            else ["true"]
            if option.kind == "bool"
            else _take_word(following, known if result.command else {})
        )
        flags += [f"{option.flag}={each}" for each in rest]
        if not rest:
            reason = f"needs a value; write {typed} {name_value(option)}"
            result.errors.append(ConfigError(typed, COMMAND_LINE, reason))
    elif name in _HELP_FLAGS:
        try:
            flags += [_HELP_FLAGS[name]] if not equals or parse_bool(value) else []
        except ValueError as error:
            result.errors.append(ConfigError(typed, COMMAND_LINE, str(error)))
    else:
        names = [f"--{each}" for each in (*_list_usable(known, commands.get(result.command)), *_HELP_FLAGS)]
        result.errors.append(explain_unknown_flag(typed, names, result.command, commands))


def _list_usable(known: Mapping[str, Option], command: Command | None) -> list[str]:
    """Return the names of the flags that the command takes; without a command, of all."""
    if command is None:
        return list(known)
    return [
        name
        for name, option in known.items()
        if option in command.options or option.field in command.accepted_fields
    ]


def _is_alone(following: deque[str]) -> bool:
    """Return whether no value follows, but the end or a flag; ``-`` is standard input, which is a value."""
    return not following or (len(following[0]) >= 2 and following[0][0] == "-")


def _take_word(following: deque[str], known: Mapping[str, Option]) -> list[str]:
    """Return the next word; nothing if it is a ``known`` flag, since then the value is missing."""
    if not following or (following[0][:2] == "--" and following[0][2:].partition("=")[0] in known):
        return []
    return [following.popleft()]
