"""Generate completion scripts from gfd's parser with shtab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.cli.parser import Parser, make_parser
from gfd.errors import GfdError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping

    from gfd.cli.commands.command import Command, Positional
    from gfd.config.option import Option


def generate_script(shell: str, commands: Mapping[str, Command], program: str) -> str:
    """Return the script for ``shell`` that completes ``program``.

    Raises GfdError if shtab is not installed.
    """
    try:
        import shtab
    except ImportError as error:
        reason = "gfd completion needs shtab, which is not installed; run pip install 'gfd[cli]'"
        raise GfdError(reason) from error
    parser = make_parser(commands, is_full=True, program=program, parser_class=_CompletionParser)
    script: str = shtab.complete(parser, shell)
    return script


class _CompletionParser(Parser):
    """A parser that gives shtab the possible values of options."""

    def add_option(
        self, group: argparse._ArgumentGroup, option: Option, flags: Iterable[str]
    ) -> argparse.Action:
        action = super().add_option(group, option, flags)
        action.help = option.help
        if option.kind == "bool":
            action.nargs = 0  # otherwise shtab would complete the next word as its value
        _set_values(action, option.choices, is_file=option.kind == "path")
        return action

    def add_positional(self, positional: Positional) -> argparse.Action:
        action = super().add_positional(positional)
        _set_values(action, positional.choices, is_file=positional.is_file)
        return action


def _set_values(action: Any, choices: tuple[str, ...], *, is_file: bool) -> None:
    import shtab

    action.choices = choices or None
    if is_file:
        action.complete = shtab.FILE
