"""Flags as Go's flag package reads them, and what argparse makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.cli.arguments import normalise, parse, read_values
from gfd.cli.commands.command import Command, Positional
from gfd.cli.registry import COMMANDS as GFD_COMMANDS
from gfd.config.option import Option
from gfd.config.options import OPTIONS
from gfd.errors import ConfigError

JSON = Option(field="json", flags=("--json",), kind="bool", help="As JSON.", group="Own")
LEVEL = Option(field="level", flags=("--level",), help="A level.", group="Own")
OUT = Option(field="out", flags=("-o",), help="A file.", group="Own")
FILES = Positional(field="files", metavar="FILE", help="Files.", is_repeatable=True)
SIZE = Positional(field="size", metavar="SIZE", help="A size.", choices=("small", "large"))
ALL = tuple(option.field for option in OPTIONS)
COMMANDS = {
    "config": Command(help="Configure.", run=lambda *_: None, options=(JSON,), general_options=ALL),
    "dump": Command(
        help="Dump.",
        run=lambda *_: None,
        options=(LEVEL, OUT),
        positional=FILES,
        examples=("gfd dump a.yaml",),
        general_options=("oneshot",),
    ),
    "cut": Command(help="Cut.", run=lambda *_: None, positional=SIZE),
}
REFUSED = "gfd dump does not take this option"


def flatten(argv: list[str], commands: dict[str, Command]) -> list[str]:
    """Return everything in the order of the parsers that take it."""
    arguments = normalise(argv, commands)
    assert all("unknown command" in str(each) or "equals sign" in str(each) for each in arguments.errors)
    command = [arguments.command] if arguments.command else []
    return [*arguments.before, *command, *arguments.after, *arguments.words]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        ([], []),
        (["-mig-strategy", "single"], ["--mig-strategy=single"]),
        (["--mig-strategy=single"], ["--mig-strategy=single"]),
        (["-mig-strategy=single"], ["--mig-strategy=single"]),
        (["--oneshot"], ["--oneshot=true"]),
        (["-oneshot"], ["--oneshot=true"]),
        (["--oneshot=false"], ["--oneshot=false"]),
        (["--oneshot="], ["--oneshot="]),
        (["--oneshot", "false"], ["--oneshot=true", "false"]),
        (["-o", "FILE"], ["--output-file=FILE"]),
        (["--output", ""], ["--output-file="]),
        (["--output-file="], ["--output-file="]),
        (["-o=a=b"], ["--output-file=a=b"]),
        (["-o", "-x"], ["--output-file=-x"]),
        (["--output-file", "--oneshot"], ["--output-file=--oneshot"]),
        (["--container-driver-root", "/d"], ["--driver-root-ctr-path=/d"]),
        (["--sink", "file", "-sink=stdout"], ["--sink=file", "--sink=stdout"]),
        (["--oneshot", "--"], ["--oneshot=true"]),
        (["--", "config"], ["config"]),
        (["config", "-json", "--oneshot"], ["config", "--json=true", "--oneshot=true"]),
        (["--oneshot", "dump", "--level", "5"], ["--oneshot=true", "dump", "--level=5"]),
        (["dump", "config"], ["dump", "config"]),
        (["-o", "FILE", "dump", "-o=x", "y"], ["--output-file=FILE", "dump", "-o=x", "y"]),
        (["--", "--oneshot"], ["--oneshot"]),
        (["--oneshot", "--", "dump", "--level"], ["--oneshot=true", "dump", "--level"]),
        (["-"], ["-"]),
        ([""], [""]),
        (["-help"], ["--help"]),
        (["-h"], ["--help"]),
        (["--version"], ["--version"]),
        (["-v"], ["--version"]),
        (["--help=false"], []),
    ],
)
def test_go_flags_are_normalised(argv: list[str], expected: list[str]) -> None:
    assert flatten(argv, COMMANDS) == expected


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--mig-stategy=x"], "--mig-stategy (command line): unknown flag; did you mean --mig-strategy?"),
        (["-onesht"], "-onesht (command line): unknown flag; did you mean --oneshot?"),
        (["--zzzzzz"], "--zzzzzz (command line): unknown flag; gfd --help-all lists all flags"),
        (["--json"], "--json (command line): write it after the command: gfd config --json"),
        (
            ["dump", "config", "--json"],
            f"--json (command line): {REFUSED}; only gfd config does",
        ),
        (
            ["dump", "a", "--sleep-interval", "1s"],
            f"--sleep-interval (command line): {REFUSED}; only the service (gfd without a command) and",
        ),
        (
            ["-kubeconfig=f", "cut", "small"],
            "-kubeconfig (command line): gfd cut does not take this option; only the service",
        ),
        (
            ["-o", "f", "dump"],
            "-o (command line): before the command, it means --output-file; write gfd dump -o",
        ),
        (["--oneshot", "false"], "--oneshot (command line): write --oneshot=false, with an equals sign"),
        (["config", "--json", "true"], "--json (command line): write --json=true, with an equals sign"),
        (["dmp", "--zzz"], "dmp (command line): unknown command; did you mean dump?"),
        (["--zzz", "dmp"], "--zzz (command line): unknown flag"),
        (
            ["dump", "--sleep-intervall=5s"],
            "--sleep-intervall (command line): unknown flag; gfd dump --help-all",
        ),
        (["dump", "--zzzzzz"], "--zzzzzz (command line): unknown flag; gfd dump --help-all lists all flags"),
        (["---oneshot"], "---oneshot (command line): unknown flag; did you mean --oneshot?"),
        (["-=x"], "- (command line): unknown flag"),
        (
            ["--mig-strategy"],
            "--mig-strategy (command line): needs a value; write --mig-strategy none|",
        ),
        (["-o"], "-o (command line): needs a value; write -o FILE"),
        (
            ["config", "--output-file", "--sink=node"],
            "--output-file (command line): needs a value; write --output-file FILE",
        ),
        (["--help=maybe"], "--help (command line): 'maybe' is not a boolean"),
        (["--", "--oneshot"], "--oneshot (command line): unknown command; gfd --help lists all commands"),
        ([""], "'' (command line): unknown command"),
        (["config", ""], "'' (command line): gfd config takes only options, and not this word"),
        (["dmp"], "dmp (command line): unknown command; did you mean dump?"),
        (["dump"], "gfd dump (command line): FILE is missing: files; for example: gfd dump a.yaml"),
        (["cut"], "gfd cut (command line): SIZE is missing: a size, small or large"),
        (
            ["config", "x"],
            "x (command line): gfd config takes only options, and not this word; see gfd config --help",
        ),
        (["cut", "small", "large"], "large (command line): gfd cut takes only one SIZE, and not this word"),
    ],
)
def test_wrong_command_lines(argv: list[str], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        parse(normalise(argv, COMMANDS), COMMANDS)
    assert str(refusal.value).startswith(message)


@given(st.sampled_from(OPTIONS), st.text(), st.booleans())
def test_a_value_may_be_anything(option: Option, value: str, is_joined: bool) -> None:
    for flag in option.flags:
        argv = [f"{flag}={value}"] if is_joined or option.kind == "bool" else [flag, value]
        assert flatten(argv, {}) == [f"{option.flag}={value}"]


def test_a_list_is_added_to_after_the_command() -> None:
    arguments = normalise(["--sink=file", "config", "--sink", "stdout", "-json"], COMMANDS)
    texts = parse(arguments, COMMANDS)
    assert (texts["sinks"], texts["json"], texts["mig_strategy"]) == (["file", "stdout"], "true", None)


def test_words_stand_anywhere_after_the_command() -> None:
    argv = ["dump", "a", "--level=5", "-", "--oneshot", "", "--", "-b"]
    texts = parse(normalise(argv, COMMANDS), COMMANDS)
    assert read_values(COMMANDS["dump"], texts) == {"level": "5", "out": None, "files": ("a", "-", "", "-b")}


def test_the_same_flag_before_and_after_a_command() -> None:
    argv = ["-o=f", "diff", "-o", "json"]
    texts = parse(normalise(argv, GFD_COMMANDS), GFD_COMMANDS)
    assert (texts["output_file"], texts["format"]) == ("f", "json")


def test_a_word_is_chosen_from_a_list() -> None:
    assert read_values(COMMANDS["cut"], {"size": "small"}) == {"size": "small"}
    with pytest.raises(ConfigError, match=r"^SIZE \(command line\): .*'smal'.*did you mean small\?"):
        read_values(COMMANDS["cut"], {"size": "smal"})


@pytest.mark.parametrize("name", GFD_COMMANDS)
def test_no_field_of_a_command_is_a_general_option(name: str) -> None:
    command = GFD_COMMANDS[name]
    fields = [option.field for option in (*OPTIONS, *command.options)]
    fields += [command.positional.field] if command.positional else []
    assert len(fields) == len(set(fields))
    general = {option.field for option in OPTIONS}
    implied = {each for texts in command.implied_options.values() for each in texts}
    assert {*command.accepted_fields, *implied} <= general
    assert implied <= command.accepted_fields
    assert set(command.machine_sources) <= set(fields)
