"""The installed completions complete commands, flags, choices and files, for both names of gfd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.cli.commands.completion import SHELLS
from gfd.cli.parser import HELP_FLAGS
from gfd.cli.registry import COMMANDS
from gfd.config.options import OPTIONS, ORIGINAL
from tests.pages import ROOT

BASH = ROOT / "share/bash-completion/completions"
FISH = ROOT / "share/fish/vendor_completions.d"
ZSH = ROOT / "share/zsh/site-functions/_gfd"
NAMES = ("gfd", ORIGINAL)
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
FLAGS = {flag for option in OPTIONS for flag in option.flags} | {flag for each in HELP_FLAGS for flag in each}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder in which files are completed; it is HOME as well."""
    (tmp_path / "pod.yaml").touch()
    return tmp_path


def run(folder: Path, *command: str | Path, path: str = PATH) -> str:
    environ = {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, env=environ)
    assert done.stderr == ""
    return done.stdout


def complete_in_bash(folder: Path, name: str, *words: str) -> list[str]:
    """Return what bash offers for the last of the words."""
    script = (
        'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
        'given=$(complete -p "$1"); given=${given##*-F }; ${given%% *} "$1"; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    return run(folder, "bash", "-c", script, "bash", BASH / name, name, *words).split()


def complete_in_fish(folder: Path, name: str, *words: str) -> list[str]:
    """Return what fish offers for the last of the words."""
    script = f"source {FISH / name}.fish; complete --do-complete '{' '.join((name, *words))}'"
    printed = run(folder, "fish", "--no-config", "-c", script)
    return [line.split("\t")[0] for line in printed.splitlines()]


def test_there_is_a_file_for_each_name() -> None:
    assert {path.name for path in BASH.iterdir()} == set(NAMES)
    assert {path.name for path in FISH.iterdir()} == {f"{name}.fish" for name in NAMES}
    assert ZSH.read_text().splitlines()[0] == f"#compdef {' '.join(NAMES)}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "complete",
    [
        complete_in_bash,
        pytest.param(
            complete_in_fish,
            marks=pytest.mark.skipif(not shutil.which("fish"), reason="fish is not on PATH"),
        ),
    ],
)
def test_bash_and_fish(folder: Path, complete: Callable[..., list[str]], name: str) -> None:
    assert sorted(complete(folder, name, "")) == sorted(COMMANDS)
    assert set(complete(folder, name, "--")) == {flag for flag in FLAGS if flag.startswith("--")}
    assert complete(folder, name, "dump", "--mig-strategy", "") == ["none", "single", "mixed"]
    own = {flag for option in COMMANDS["nodes"].options for flag in option.flags if flag.startswith("--")}
    assert own
    assert own <= set(complete(folder, name, "nodes", "--"))
    assert complete(folder, name, "completion", "") == [*SHELLS]
    # A file as the value of a flag, and as a word, but not after a bool.
    assert complete(folder, name, "nodes", "--nodes", "") == ["pod.yaml"]
    assert complete(folder, name, "match", "") == ["pod.yaml"]
    assert complete(folder, name, "nodes", "--watch", "") == []


def type_kubectl(folder: Path, *words: str) -> list[str]:
    """Return the lines that kubectl prints; on its other stream, it says what it calls for a completion."""
    environ = {"PATH": PATH, "HOME": str(folder), "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        ("kubectl", *words), cwd=folder, capture_output=True, text=True, check=True, env=environ
    )
    return done.stdout.splitlines()


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not on PATH")
def test_kubectl_runs_and_completes_its_plugin(folder: Path) -> None:
    *offered, directive = type_kubectl(folder, "__complete", "gfd", "")
    assert (sorted(offered), directive) == (sorted(COMMANDS), ":4")
    strategies = ["none", "single", "mixed", ":4"]
    assert type_kubectl(folder, "__complete", "gfd", "dump", "--mig-strategy", "") == strategies
    assert type_kubectl(folder, "__complete", "gfd", "nodes", "--so") == ["--sort", ":4"]
    assert type_kubectl(folder, "__complete", "gfd", "match", "") == ["pod.yaml", ":4"]
    assert type_kubectl(folder, "__complete", "gfd", "nodes", "--watch", "") == [":4"]
    assert type_kubectl(folder, "gfd", "match", "--help")[0] == "usage: kubectl gfd match FILE… [OPTION…]"
    assert type_kubectl(folder, "gfd", "machines") == run(folder, "gfd", "machines").splitlines()


def test_the_plugin_completes_nothing_without_gfd(folder: Path) -> None:
    file = ROOT / "share/kubectl/kubectl_complete-gfd"
    assert run(folder, "/usr/bin/env", "bash", file, "", path="/usr/bin:/bin") == ":4\n"


def test_bash_and_fish_stay_silent_without_gfd(folder: Path) -> None:
    for shell, file in (("bash", BASH / "gfd"), ("fish", FISH / "gfd.fish")):
        if shutil.which(shell, path="/usr/bin:/bin"):
            assert run(folder, shell, "-c", f'source "{file}"', path="/usr/bin:/bin") == ""


@pytest.mark.skipif(not shutil.which("zsh"), reason="zsh is not on PATH")
@pytest.mark.parametrize("name", NAMES)
def test_zsh(folder: Path, name: str) -> None:
    # Without a terminal, zsh does not complete; look at what its completion system is given.
    script = (
        'compdef() { print -- compdef "$@" }; _arguments() { print -l -- "$@" }; '
        f'service={name}; source "$1"'
    )
    printed = run(folder, "zsh", "-f", "-c", script, "zsh", ZSH)
    function = f"_shtab_{name.replace('-', '_')}"
    assert printed.startswith(f"compdef {function} -N {name}\n")
    for option in OPTIONS:
        assert option.flag in printed


@pytest.mark.skipif(not shutil.which("tcsh"), reason="tcsh is not on PATH")
def test_tcsh(folder: Path) -> None:
    (folder / "gfd.tcsh").write_text(run(folder, "gfd", "completion", "tcsh"))
    printed = run(folder, "tcsh", "-f", "-c", "source gfd.tcsh; complete gfd")
    assert "'n/--mig-strategy/(none single mixed)/'" in printed
    assert f"'p/1/({' '.join(COMMANDS)})/'" in printed
