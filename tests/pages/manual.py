"""The man page, made from what the help is made from, in the macros of man(7)."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from gfd import __version__
from gfd.cli import help as help_text
from gfd.cli.commands import COMMANDS
from gfd.cli.commands.command import Command
from gfd.cli.exits import SIGNALS, ExitCode
from gfd.config.options import OPTIONS, ORIGINAL, Option

EXAMPLES = (
    (
        "gfd dump --simulate mig-doc --mig all-1g.5gb --mig-strategy single",
        "The labels of a node with an A100 in seven MIG devices, without one.",
    ),
    (
        "gfd explain gpu.memory --simulate dgx-h100",
        "What a label means, and what it is made of.",
    ),
    (
        "gfd select --simulate dgx-h100 --memory '>=40Gi'",
        "The nodeSelector and the resource for a wish.",
    ),
)
COMPLETION = (
    "For bash (with bash-completion) and zsh the completion is installed with gfd, for both of its names. It "
    "asks the gfd on PATH, which needs its extra: pip install 'gfd[cli]'. Elsewhere gfd completion prints "
    "the script."
)
WIDTH = 80
"""Bytes of a line of the source."""

_ESCAPES = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    '"': "\\(dq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
}


def write(date: str) -> str:
    """Return the page in roff; ``date``, as ISO 8601 writes it, is that of its last change."""
    return "\n".join(_lines(date)) + "\n"


def _lines(date: str) -> Iterator[str]:
    yield '.\\" tests/pages writes this from gfd/config/options.py and gfd/cli.'
    yield f'.TH GFD 1 {date} "gfd {__version__}" "User Commands"'
    # What is typed is not hyphenated.
    yield ".nh"
    yield ".ad l"
    yield ".SH NAME"
    yield f"gfd, {_escape(ORIGINAL)} \\- tell Kubernetes what GPUs a node has"
    yield ".SH SYNOPSIS"
    yield _text(help_text.SYNOPSIS)
    yield ".SH DESCRIPTION"
    yield _text(help_text.ABOUT)
    yield ".PP"
    yield _text(f"{ORIGINAL} is the same program.")
    yield ".SH COMMANDS"
    for name, command in COMMANDS.items():
        yield from _command(name, command)
    yield from _general_options()
    yield from _endings()
    yield ".SH EXAMPLES"
    for typed, meaning in EXAMPLES:
        yield from _item(_bold(typed), meaning)
    yield ".SH SHELL COMPLETION"
    yield _text(COMPLETION)
    yield ".SH SEE ALSO"
    yield "\\fBkubectl\\fR(1), \\fBnvidia\\-smi\\fR(1)"


def _general_options() -> Iterator[str]:
    yield ".SH OPTIONS"
    yield _text("A flag wins over the environment, that over the config file, and that over the default.")
    yield _text("One dash is as good as two, and --flag=value as --flag value.")
    groups: dict[str, list[Option]] = {}
    for option in OPTIONS:
        groups.setdefault(option.group, []).append(option)
    for group, options in groups.items():
        yield f".SS {_escape(group)}"
        yield from _options(options)
    yield ".SH ENVIRONMENT"
    for option in OPTIONS:
        if option.environment:
            yield from _item(", ".join(map(_bold, option.environment)), f"As {option.flag}.")
    yield ".SH FILES"
    for option in OPTIONS:
        if option.kind == "path" and option.default:
            yield from _item(_italic(option.default), f"{option.help} {option.flag} names another.")


def _endings() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code in ExitCode:
        yield from _item(_bold(str(int(code))), code.meaning)
    yield ".SH SIGNALS"
    for taken, does in SIGNALS:
        yield from _item(", ".join(_bold(each.name) for each in taken), does)


def _command(name: str, command: Command) -> Iterator[str]:
    yield f".SS {_escape(help_text.write_synopsis(name, command))}"
    yield _text(command.help)
    if command.notes:
        yield ".PP"
        yield _text(command.notes)
    if command.words is not None:
        yield from _item(_italic(command.words.metavar), help_text.explain_words(command.words))
    yield from _options(command.options)


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        value = help_text.write_value(option)
        flags = ", ".join(map(_bold, option.flags))
        yield from _item(f"{flags} {_italic(value)}" if value else flags, help_text.explain(option))


def _item(head: str, text: str) -> Iterator[str]:
    yield ".TP"
    yield head
    yield _text(text)


def _bold(text: str) -> str:
    return f"\\fB{_escape(text)}\\fR"


def _italic(text: str) -> str:
    return f"\\fI{_escape(text)}\\fR"


def _text(text: str) -> str:
    """Return lines of roff that print ``text`` as it is."""
    lines = textwrap.wrap(_escape(text), WIDTH, break_long_words=False, break_on_hyphens=False)
    return "\n".join(f"\\&{line}" if line.startswith(".") else line for line in lines)


def _escape(text: str) -> str:
    return "".join(_ESCAPES.get(each, each if each.isascii() else f"\\[u{ord(each):04X}]") for each in text)
