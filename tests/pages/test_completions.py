"""The completions that are installed complete what there is, for both names."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gfd.cli.parser import HELP_FLAGS
from gfd.cli.registry import COMMANDS
from gfd.config.options import OPTIONS, ORIGINAL
from tests.pages import ROOT

BASH = ROOT / "share/bash-completion/completions"
ZSH = ROOT / "share/zsh/site-functions/_gfd"
NAMES = ("gfd", ORIGINAL)
ENVIRON = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(*command: str | Path, **environ: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=ENVIRON | environ)
    assert done.stderr == ""
    return done.stdout


def complete(name: str, *words: str, **environ: str) -> list[str]:
    """Return what bash offers for the last of the words."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        'given=$(complete -p "$1"); given=${given##*-F }; ${given%% *} "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return run("bash", "-c", script, "bash", BASH / name, name, *words, **environ).split()


def test_there_is_a_file_a_name() -> None:
    assert {path.name for path in BASH.iterdir()} == set(NAMES)
    assert ZSH.read_text().splitlines()[0] == f"#compdef {' '.join(NAMES)}"


@pytest.mark.parametrize("name", NAMES)
def test_bash(name: str) -> None:
    assert complete(name, "") == list(COMMANDS)
    flags = {flag for option in OPTIONS for flag in option.flags}
    assert set(complete(name, "-")) == flags | {flag for flags in HELP_FLAGS for flag in flags}
    assert complete(name, "dump", "--mig-strategy", "") == ["none", "single", "mixed"]
    own = {flag for option in COMMANDS["nodes"].options for flag in option.flags}
    assert own
    assert own <= set(complete(name, "nodes", "-"))


def test_bash_without_gfd_on_the_path_stays_silent() -> None:
    assert run("bash", "-c", f'source "{BASH / "gfd"}"', PATH="/usr/bin:/bin") == ""


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not on PATH")
@pytest.mark.parametrize("name", NAMES)
def test_zsh(name: str) -> None:
    # What zsh's own completion would be handed, without the terminal that it needs.
    script = (
        'compdef() { print -- compdef "$@" }; _arguments() { print -l -- "$@" }; '
        f'service={name}; source "$1"'
    )
    printed = run("zsh", "-f", "-c", script, "zsh", ZSH)
    function = f"_shtab_{name.replace('-', '_')}"
    assert printed.startswith(f"compdef {function} -N {name}\n")
    for option in OPTIONS:
        assert option.flag in printed
