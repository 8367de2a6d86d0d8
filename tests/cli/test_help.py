"""The help, the version and the completion scripts, as gfd prints them."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gfd import __version__
from gfd.cli.exits import ExitCode
from gfd.cli.help import WIDTH
from gfd.cli.registry import COMMANDS
from gfd.config.options import OPTIONS
from tests.cli import Gfd

pytestmark = pytest.mark.whole


def test_version(gfd: Gfd) -> None:
    for flag in ("--version", "-version", "-v"):
        assert gfd(flag) == (0, f"gfd {__version__}\n", "")


def test_the_help_fits_a_screen(gfd: Gfd) -> None:
    code, out, err = gfd("--help")
    for flag in ("-h", "-help=true", "--oneshot=true"):
        assert gfd("--help", flag) == (code, out, err)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) <= 44
    assert max(map(len, lines)) <= WIDTH
    for name, command in COMMANDS.items():
        assert f"  {name:<21} {command.help}" in lines
    for flag in ("--mig-strategy", "--oneshot", "--sleep-interval", "--simulate", "--help-all", "--version"):
        assert flag in out
    assert "--kube-api-qps" not in out


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_full_help_explains_every_option(gfd: Gfd, name: str) -> None:
    code, out, err = gfd(*name.split(), "--help-all")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= WIDTH
    words = " ".join(out.split())
    assert (COMMANDS[name].help if name else ExitCode.MISUSED.meaning) in words
    own = COMMANDS[name].options if name else ()
    # After gfd select, --mig is its own option.
    hidden = ["mig"] if name == "select" else []
    for option in (*own, *(option for option in OPTIONS if option.field not in hidden)):
        assert option.flag in words
        assert option.help in words
        assert all(variable in words for variable in option.environment)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_explains_its_own_options(gfd: Gfd, name: str) -> None:
    code, out, err = gfd(name, "--help")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= WIDTH
    command, words = COMMANDS[name], " ".join(out.split())
    assert words.startswith(f"usage: gfd {name} {command.usage} {command.help} ")
    assert words.endswith(command.notes or "Print the version.")
    shown = [option for option in OPTIONS if option.field in command.general_options]
    for option in (*shown, *command.options):
        assert f"  {option.flag}" in out
        assert option.help in words
    assert "--kube-api-qps" not in out


def test_completion(gfd: Gfd) -> None:
    for shell in ("bash", "zsh", "tcsh", "fish"):
        code, out, _ = gfd("completion", shell)
        assert code == 0
        assert "mig-strategy" in out
    script = gfd("completion", "bash")[1]
    typed = "COMP_WORDS=(gfd --mig-strategy ''); COMP_CWORD=2; _shtab_gfd; echo ${COMPREPLY[*]}"
    done = subprocess.run(["bash", "-c", f"{script}\n{typed}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["none", "single", "mixed"]


def test_completion_without_shtab(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    code, _, err = gfd("completion", "bash")
    assert (code, err) == (
        1,
        "gfd: gfd completion needs shtab, which is not installed; run pip install 'gfd[cli]'\n",
    )
