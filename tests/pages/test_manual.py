"""The man page is complete, and groff and mandoc accept it."""

from __future__ import annotations

import datetime
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from gfd import cli
from gfd.cli.exits import SIGNALS, ExitCode
from gfd.cli.registry import COMMANDS
from gfd.config.options import OPTIONS, ORIGINAL
from tests.pages import ROOT, manual

MAN = ROOT / "share/man"
PAGE = MAN / "man1/gfd.1"
ALIAS = MAN / f"man1/{ORIGINAL}.1"


def dated() -> str:
    found = re.search(r"^\.TH GFD 1 (\d{4}-\d{2}-\d{2}) ", PAGE.read_text(), re.MULTILINE)
    assert found
    return found[1]


def test_the_page_is_current(request: pytest.FixtureRequest) -> None:
    page = manual.write(dated())
    if request.config.getoption("--update-golden") and PAGE.read_text() != page:
        PAGE.write_text(manual.write(datetime.datetime.now(datetime.UTC).date().isoformat()))
    assert PAGE.read_text() == manual.write(dated())


def test_the_other_name_shows_the_same_page() -> None:
    assert ALIAS.read_text() == ".so man1/gfd.1\n"
    assert (MAN / ALIAS.read_text().split()[1]) == PAGE


@pytest.mark.parametrize(("typed", "meaning"), manual.EXAMPLES)
def test_an_example_works(typed: str, meaning: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(shlex.split(typed)[1:], {}) == ExitCode.DONE
    assert capsys.readouterr().out
    assert meaning.endswith(".")


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not on PATH (Debian's package groff-base)")
@pytest.mark.parametrize("page", [PAGE, ALIAS], ids=lambda page: page.name)
def test_groff_prints_it_without_a_warning(page: Path) -> None:
    done = subprocess.run(
        ("groff", "-man", "-Tutf8", "-ww", "-rLL=200n", "-P-c", page),
        cwd=MAN,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    # Bold and italic are a character over itself, or over a line.
    printed = re.sub(".\b", "", done.stdout)
    for option in (*OPTIONS, *(option for command in COMMANDS.values() for option in command.options)):
        assert re.search(rf"^ +{', '.join(option.flags)}( |$)", printed, re.MULTILINE), option.flag
        assert option.help[:40] in printed, option.flag
        assert all(name in printed for name in option.environment)
    for name, command in COMMANDS.items():
        usage, text = re.escape(f"gfd {name} {command.usage}"), re.escape(command.help)
        assert re.search(rf"^ +{usage}\n +{text}$", printed, re.MULTILINE)
    for code in ExitCode:
        assert re.search(rf"^ +{code} +{re.escape(code.meaning)}$", printed, re.MULTILINE)
    for taken, does in SIGNALS:
        assert all(each.name in printed for each in taken)
        assert does in printed


@pytest.mark.skipif(not shutil.which("mandoc"), reason="mandoc is not on PATH (Debian's package mandoc)")
def test_mandoc_gives_no_warning() -> None:
    # Of the other name it would say that it prefers links, which a wheel cannot hold.
    done = subprocess.run(("mandoc", "-Tlint", PAGE), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("text", "roff"),
    [
        (".gfd-tmp is hidden", "\\&.gfd\\-tmp is hidden"),
        ("'~' \\ \"^\" `…`", "\\(aq\\(ti\\(aq \\e \\(dq\\(ha\\(dq \\(ga\\[u2026]\\(ga"),
    ],
)
def test_special_characters_are_escaped(text: str, roff: str) -> None:
    assert manual._text(text) == roff
