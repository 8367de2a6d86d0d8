"""The man page in the macros of man(7), from the same tables as the help."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from gfd import __version__
from gfd.cli import help as help_text
from gfd.cli.commands.command import Command
from gfd.cli.exits import SIGNALS, ExitCode
from gfd.cli.registry import COMMANDS
from gfd.config.option import Option
from gfd.config.options import OPTIONS, ORIGINAL

EXAMPLES = (
    (
        "gfd dump --simulate mig-doc --mig all-1g.5gb --mig-strategy single",
        "Print the labels of a simulated node with an A100 that is divided into seven MIG devices.",
    ),
    (
        "gfd explain gpu.memory --simulate dgx-h100",
        "Explain what a label means and where its value comes from.",
    ),
    (
        "gfd select --simulate dgx-h100 --memory '>=80GB'",
        "Print the nodeSelector and the resource for a GPU that is sold with 80 GB of memory or more.",
    ),
)
COMPLETION = (
    "Completion for bash (with bash-completion), zsh and fish is installed with gfd, for both of its names. "
    "It runs gfd completion at the first Tab, which needs shtab: pip install 'gfd[cli]'. Where the shell "
    "does not find it, and for tcsh, write the output of gfd completion SHELL to a file and source that in "
    "the start file of the shell. The completion of kubectl (1.26 and newer) also completes kubectl gfd, if "
    "kubectl_complete-gfd is on PATH, beside kubectl-gfd."
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
    """Return the page in roff; ``date`` is the day of its last change, such as 2025-12-31."""
    return "\n".join(_lines(date)) + "\n"


def _lines(date: str) -> Iterator[str]:
    yield '.\\" tests/pages writes this from gfd/config/options.py and gfd/cli.'
    yield f'.TH GFD 1 {date} "gfd {__version__}" "User Commands"'
    # Do not hyphenate, since a hyphen could be taken for a part of a command.
    yield ".nh"
    yield ".ad l"
    yield ".SH NAME"
    yield f"gfd, {_escape(ORIGINAL)} \\- tell Kubernetes what GPUs a node has"
    yield ".SH SYNOPSIS"
    yield _text(f"gfd {help_text.USAGE}")
    yield ".SH DESCRIPTION"
    yield _text(f"{help_text.ABOUT} {help_text.SERVICE}")
    yield ".PP"
    yield _text(f"{ORIGINAL} is the same program, and so is kubectl-gfd, which kubectl gfd runs.")
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
    yield _text(
        "A flag wins over an environment variable, that wins over the config file, and that wins over the "
        "default."
    )
    yield _text("One dash or two, and --flag value or --flag=value, mean the same.")
    yield _text(
        "The service takes all flags. A command refuses those that it would ignore; gfd COMMAND --help-all "
        "lists those that it takes. Environment variables and the config file may set every option."
    )
    groups: dict[str, list[Option]] = {}
    for option in OPTIONS:
        groups.setdefault(option.group, []).append(option)
    for group, options in groups.items():
        yield f".SS {_escape(group)}"
        yield from _options(options)
    yield ".SH ENVIRONMENT"
    for option in OPTIONS:
        if option.environment:
            yield from _item(", ".join(map(_bold, option.environment)), f"The same as {option.flag}.")
    yield ".SH FILES"
    for option in OPTIONS:
        if option.kind == "path" and option.default:
            yield from _item(_italic(option.default), f"{option.help} {option.flag} chooses another path.")


def _endings() -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for code in ExitCode:
        yield from _item(_bold(str(int(code))), code.meaning)
    yield ".SH SIGNALS"
    for taken, does in SIGNALS:
        yield from _item(", ".join(_bold(each.name) for each in taken), does)


def _command(name: str, command: Command) -> Iterator[str]:
    yield f".SS {_escape(f'gfd {name} {command.usage}')}"
    yield _text(command.help)
    if command.notes:
        yield ".PP"
        yield _text(command.notes)
    if command.positional is not None:
        yield from _item(
            _italic(command.positional.metavar), help_text.describe_positional(command.positional)
        )
    yield from _options(command.options)
    yield ".PP"
    yield "Examples:"
    for example in command.examples:
        yield ".br"
        yield _bold(example)


def _options(options: Iterable[Option]) -> Iterator[str]:
    for option in options:
        value = help_text.name_value(option)
        flags = ", ".join(map(_bold, option.flags))
        text = help_text.describe(option, is_full=True)
        yield from _item(f"{flags} {_italic(value)}" if value else flags, text)


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
