"""The Go way of writing flags, made one form.

What worked on the command line of the original works here: one dash or two, ``-flag value``, a bare bool.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.documents.values import did_you_mean, parse_bool
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.config.options import Option

_STANDALONE = {"help": "--help", "h": "--help", "version": "--version", "v": "--version"}


def normalise(
    argv: Sequence[str], options: Sequence[Option], commands: Mapping[str, Sequence[Option]]
) -> list[str]:
    """Return ``argv`` with every flag as ``--flag=value``, which argparse cannot take for anything else.

    What Go's flag package accepts is accepted: one dash or two, ``-flag value``, a bare bool, values
    that begin with a dash. The flags of ``commands[word]`` are known after that word. Declare each
    option to argparse with its first flag and a value, a bool too, and without abbreviations.
    Raises ConfigError for a flag that is unknown, malformed, or lacks its value.
    """
    known = _by_name(options)
    words, result, command = iter(argv), list[str](), ""
    for word in words:
        if word == "--":
            return result + [_bare(rest) for rest in words]
        if len(word) >= 2 and word[0] == "-":
            result += _flag(word, words, known, command)
            continue
        if not command and word in commands:
            known |= _by_name(commands[word])
            command = word
        result.append(word)
    return result


def _bare(word: str) -> str:
    if word.startswith("-"):
        raise ConfigError(word, COMMAND_LINE, "is taken for a word after --, and no command takes it")
    return word


def _flag(word: str, following: Iterator[str], known: Mapping[str, Option], command: str) -> list[str]:
    """Return the flag that ``word`` is, with its value, which may be the word that follows."""
    name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
    if not name or name[0] == "-":
        raise ConfigError(word, COMMAND_LINE, "is not a flag; write --flag or --flag=value")
    option = known.get(name)
    if option is None:
        return _standalone(word, name, value if equals else "true", known, command)
    if not equals:
        rest = "true" if option.kind == "bool" else next(following, None)
        if rest is None:
            raise ConfigError(word, COMMAND_LINE, f"needs a value: {word} {option.metavar or 'VALUE'}")
        value = rest
    return [f"{option.flag}={value}"]


def _by_name(options: Sequence[Option]) -> dict[str, Option]:
    return {flag.lstrip("-"): option for option in options for flag in option.flags}


def _standalone(word: str, name: str, value: str, known: Mapping[str, Option], command: str) -> list[str]:
    """Return --help or --version where that is asked for; any other flag is unknown here."""
    if name in _STANDALONE:
        try:
            return [_STANDALONE[name]] if parse_bool(value) else []
        except ValueError as error:
            raise ConfigError(_STANDALONE[name], COMMAND_LINE, str(error)) from None
    flags = ["--" + each for each in (*known, *_STANDALONE) if len(each) > 1]
    near = did_you_mean("--" + name, flags)
    usage = f"gfd {command} --help" if command else "gfd --help"
    raise ConfigError(
        word.partition("=")[0], COMMAND_LINE, f"unknown flag{near or ';'} {usage} lists them all"
    )
