"""Say why a word of a command line is wrong or missing, and what to type instead."""

from __future__ import annotations

from shlex import quote
from typing import TYPE_CHECKING

from gfd.cli.program import find_name, replace_name
from gfd.config.options import COMMAND_LINE
from gfd.config.values import is_bool
from gfd.errors import ConfigError
from gfd.text import join_words, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.cli.commands.command import Command
    from gfd.config.option import Option

    Flags = Sequence[tuple[str, Option]]
    """The flags before the word, as they were typed, with their options."""

_MANIFEST_ENDINGS = (".yaml", ".yml", ".json")


def explain_unknown_command(word: str, commands: Iterable[str], flags: Flags) -> ConfigError:
    """Return the error for a first word that is no command."""
    program = find_name()
    if misplaced := _explain_bool(word, flags):
        return misplaced
    reason = f"unknown command{suggest(word, commands) or ';'} {program} --help lists all commands"
    if word.endswith(_MANIFEST_ENDINGS):
        reason = f"unknown command; for the nodes that its pods fit, write {program} match {quote(word)}"
    return ConfigError(word or "''", COMMAND_LINE, reason)


def explain_unexpected_word(word: str, name: str, command: Command, flags: Flags) -> ConfigError:
    """Return the error for a word after the command ``name`` that it does not take."""
    program = f"{find_name()} {name}"
    if misplaced := _explain_bool(word, flags):
        return misplaced
    expected = f"only one {command.positional.metavar}" if command.positional else "only options"
    hint = replace_name(command.word_hint.format(quote(word))) or f"see {program} --help"
    return ConfigError(word or "''", COMMAND_LINE, f"{program} takes {expected}, and not this word; {hint}")


def explain_missing_word(name: str, command: Command) -> ConfigError:
    """Return the error for a command that lacks its words."""
    positional = command.positional
    assert positional is not None
    what = positional.help.rstrip(".")
    if positional.choices:
        what += f", {join_words(positional.choices)}"
    example = f"; for example: {replace_name(command.examples[0])}" if command.examples else ""
    reason = f"{positional.metavar} is missing: {what[0].lower()}{what[1:]}{example}"
    return ConfigError(f"{find_name()} {name}", COMMAND_LINE, reason)


def _explain_bool(word: str, flags: Flags) -> ConfigError | None:
    """Return the error for a word that was meant as the value of a bool; None if it was not."""
    if not (flags and flags[-1][1].kind == "bool" and is_bool(word)):
        return None
    typed = flags[-1][0]
    return ConfigError(typed, COMMAND_LINE, f"write {typed}={word}, with an equals sign")
