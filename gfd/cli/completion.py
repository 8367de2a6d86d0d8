"""Completion scripts, made by shtab from the tables of options and commands."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from gfd.config.options import OPTIONS
from gfd.errors import GfdError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.cli.commands.command import Command
    from gfd.config.options import Option


def write(shell: str, commands: Mapping[str, Command], program: str = "gfd") -> str:
    """Return the completion script for ``shell`` and that name of gfd.

    Raises GfdError where shtab is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        raise GfdError(
            "completion needs shtab; install gfd with its extra: pip install 'gfd[cli]'"
        ) from error
    script: str = shtab.complete(_parser(program, commands, shtab.FILE), shell)
    return script


def _parser(program: str, commands: Mapping[str, Command], files: Any) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=program)
    _add(parser, OPTIONS, files)
    words = parser.add_subparsers()
    for name, command in commands.items():
        word = words.add_parser(name, help=command.help)
        own = {flag for option in command.options for flag in option.flags}
        _add(word, command.options, files)
        _add(word, OPTIONS, files, without=own)
        if command.words is not None:
            count = None if command.words.at_most == 1 else "*"
            word.add_argument(command.words.field, choices=command.words.choices or None, nargs=count)
    return parser


def _add(
    parser: argparse.ArgumentParser,
    options: tuple[Option, ...],
    files: Any,
    without: set[str] | frozenset[str] = frozenset(),
) -> None:
    for option in options:
        flags = [flag for flag in option.flags if flag not in without]
        if not flags:
            continue
        if option.kind == "bool":
            parser.add_argument(*flags, action="store_true", help=option.help)
            continue
        action = parser.add_argument(*flags, choices=option.choices or None, help=option.help)
        if option.kind == "path":
            action.complete = files  # type: ignore[attr-defined]
