"""The README is up to date: its tables, commands and labels."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from gfd import cli
from gfd.cli.exits import SIGNALS, ExitCode
from gfd.cli.registry import COMMANDS
from gfd.config.option import Option
from gfd.config.options import OPTIONS

README = Path(__file__).parent.parent / "README.md"


def _check_table(request: pytest.FixtureRequest, name: str, source: str, table: str) -> None:
    """Assert that the README has ``table`` between the markers of ``name``, or write it there."""
    begin = f"<!-- {name}: tests/test_readme.py writes this table from {source} -->\n"
    end = f"<!-- end of {name} -->\n"
    before, begun, rest = README.read_text().partition(begin)
    shown, ended, after = rest.partition(end)
    assert begun, name
    assert ended, name
    if request.config.getoption("--update-golden"):
        README.write_text(f"{before}{begin}\n{table}\n{end}{after}")
    else:
        assert shown == f"\n{table}\n"


def _row(option: Option) -> str:
    flags = ", ".join(f"`{flag}`" for flag in option.flags)
    environment = ", ".join(f"`{name}`" for name in option.environment)
    key = f"`{option.file_key}`" if option.file_key else ""
    default = f"`{option.default}`" if option.default else ""
    choices = f" One of {', '.join(f'`{choice}`' for choice in option.choices)}." if option.choices else ""
    return f"| {flags} | {environment} | {key} | {default} | {option.help}{choices} |\n"


def test_the_table_of_options(request: pytest.FixtureRequest) -> None:
    head = "| flag | environment | config file | default | meaning |\n|---|---|---|---|---|\n"
    _check_table(request, "options", "gfd/config/options.py", head + "".join(map(_row, OPTIONS)))


def test_the_table_of_exit_codes(request: pytest.FixtureRequest) -> None:
    rows = "".join(f"| `{code}` | {code.meaning} |\n" for code in ExitCode)
    signals = "".join(f"| {', '.join(each.name for each in taken)} | {does} |\n" for taken, does in SIGNALS)
    head = "| exit code, signal | meaning |\n|---|---|\n"
    _check_table(request, "exit codes", "gfd/cli/exits.py", f"{head}{rows}{signals}")


def test_the_first_command_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    block = README.read_text().split("```console\n")[1].split("```")[0]
    command, _, shown = block.partition("\n")
    arguments = shlex.split(command.rpartition(".venv/bin/gfd ")[2])
    assert cli.run(arguments, {}) == 0
    rest = capsys.readouterr().out
    *parts, last = shown.split("…\n")
    assert len(shown.splitlines()) <= 12
    for part in filter(None, parts):
        _, found, rest = rest.partition(part)
        assert found == part
    assert rest.endswith(last)


def test_gfd_explain_prints_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = (part for part in README.read_text().split("```console\n") if part.startswith("$ gfd explain"))
    command, _, shown = block.split("```")[0].partition("\n")
    assert cli.run(shlex.split(command)[2:], {}) == 0
    assert capsys.readouterr().out == shown


def test_every_command_is_listed() -> None:
    listed = {
        line.split("`")[1].split()[1]
        for line in README.read_text().splitlines()
        if line.startswith("| `gfd ")
    }
    assert listed - {"--oneshot"} == set(COMMANDS)
