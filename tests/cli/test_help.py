"""The help, the version and the completion scripts, as gfd prints them."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from gfd import __version__
from gfd.cli.arguments import normalise, parse, read_values
from gfd.cli.exits import ExitCode
from gfd.cli.flag_errors import refuse_unread_flags
from gfd.cli.help import WIDTH
from gfd.cli.registry import COMMANDS
from gfd.config.loader import load
from gfd.config.options import OPTIONS
from tests.cli import Gfd

pytestmark = pytest.mark.whole

SCREEN = 24
"""The lines of the smallest terminal that people still use."""
EXAMPLES = [(name, example) for name, command in COMMANDS.items() for example in command.examples]


def test_version(gfd: Gfd) -> None:
    for flag in ("--version", "-version", "-v"):
        assert gfd(flag) == (0, f"gfd {__version__}\n", "")


def test_the_help_of_gfd(gfd: Gfd) -> None:
    code, out, err = gfd("--help")
    for words in (["--help", "-h"], ["--help", "-help=true"], ["--oneshot", "--help"], ["help"]):
        assert gfd(*words) == (code, out, err)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert len(lines) <= len(COMMANDS) + 27
    assert max(map(len, lines)) <= WIDTH
    for name, command in COMMANDS.items():
        assert f"  {name:<21} {command.help}" in lines
    for flag in ("--mig-strategy", "--oneshot", "--sleep-interval", "--simulate", "--help-all", "--version"):
        assert flag in out
    assert "--kube-api-qps" not in out


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_the_full_help_explains_every_option(gfd: Gfd, name: str) -> None:
    code, out, err = gfd(*name.split(), "--help-all")
    assert gfd("help", *name.split(), "--help-all") == (code, out, err)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= WIDTH
    words = " ".join(out.split())
    assert (COMMANDS[name].help if name else ExitCode.MISUSED.meaning) in words
    own = COMMANDS[name].options if name else ()
    taken = {flag for option in own for flag in option.flags}
    for option in (*own, *OPTIONS):
        is_known = not name or option in own or option.field in COMMANDS[name].accepted_fields
        if is_known and (option in own or not taken.issuperset(option.flags)):
            assert option.help in words
            assert all(variable in words for variable in option.environment)
        elif option.flag not in taken:
            assert f"  {option.flag} " not in out
    if name:
        assert COMMANDS[name].notes in words


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_fits_a_screen(gfd: Gfd, name: str) -> None:
    code, out, err = gfd(name, "--help")
    assert gfd("help", name) == gfd(name, "-h") == (code, out, err) == (0, out, "")
    command, lines = COMMANDS[name], out.splitlines()
    assert max(map(len, lines)) <= WIDTH
    # Where a command has many options of its own, each has one line.
    assert len(lines) <= max(SCREEN, len(command.options) + 8)
    assert lines[:2] == [f"usage: gfd {name} {command.usage}", command.help]
    for option in command.options:
        assert sum(f"{line} ".startswith(f"  {', '.join(option.flags)} ") for line in lines) == 1
    examples = lines.index("Examples:")
    assert lines[examples + 1 : examples + 3] == [f"  {example}" for example in command.examples]
    assert len(command.examples) == 2
    groups = dict.fromkeys(each.group for each in OPTIONS if each.field in command.accepted_fields)
    assert lines[examples + 3 :] == [f"--help-all adds: {', '.join(groups)}."]


def find_gfd(example: str) -> list[str]:
    """Return the words after gfd in a command line with pipes and a redirection."""
    words = shlex.split(example.partition(" > ")[0])
    words = (
        words[words.index("gfd") + 1 :]
        if words[0] == "gfd"
        else words[len(words) - words[::-1].index("gfd") :]
    )
    return words[: words.index("|")] if "|" in words else words


@pytest.mark.parametrize(("name", "example"), EXAMPLES)
def test_an_example_is_accepted(name: str, example: str) -> None:
    argv = find_gfd(example)
    arguments = normalise(argv, COMMANDS)
    texts = parse(arguments, COMMANDS)
    command = COMMANDS[arguments.command]
    assert arguments.command in {name, "dump"}
    values = read_values(command, texts)
    texts = {
        **texts,
        **{
            key: text
            for field, each in command.implied_options.items()
            if values[field]
            for key, text in each.items()
        },
    }
    refuse_unread_flags(command, name, load({**texts, "config_file": None}, {}), values)


@pytest.mark.parametrize(
    "example", [example for _, example in EXAMPLES if "--simulate" in example or "completion" in example]
)
def test_an_example_works(gfd: Gfd, example: str) -> None:
    code, out, err = gfd(*find_gfd(example))
    assert (code, err) == (0, "")
    assert out


def test_an_example_with_files_works(gfd: Gfd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for path in ("node.yaml", "node-1.yaml", "node-2.yaml"):
        assert gfd("snapshot", "--simulate", "dgx-h100", "-o", path) == (0, "", "")
    Path("config.yaml").write_text("version: v1\nflags:\n  migStrategy: mixed\n")
    for _, example in EXAMPLES:
        if any(path in example for path in ("node.yaml", "node-1.yaml", "config.yaml")):
            code, _, err = gfd(*find_gfd(example), *(["--simulate=t4"] if "snapshot" in example else []))
            assert (code, err) == (0, ""), example


def test_kubectl_gfd(gfd: Gfd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/usr/local/bin/kubectl-gfd"])
    assert gfd("--help")[1].startswith("usage: kubectl gfd [COMMAND] [OPTION…]\n")
    assert gfd("match", "--help-all")[1].startswith("usage: kubectl gfd match FILE… [OPTION…]\n")
    out = gfd("match", "--help")[1]
    assert out.startswith("usage: kubectl gfd match FILE… [OPTION…]\n")
    assert "  kubectl get pod train-0 -o yaml | kubectl gfd match -\n" in out
    assert "\n  kubectl -n gfd exec POD -- gfd doctor\n  kubectl gfd doctor --" in gfd("doctor", "--help")[1]
    assert gfd("machines", "t4")[2].endswith(
        "; for the labels of a machine, write kubectl gfd dump --simulate t4\n"
    )
    assert gfd("dmup")[2] == (
        "gfd: dmup (command line): unknown command; did you mean dump?"
        " kubectl gfd --help lists all commands\n"
    )


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
