"""Flags as Go's flag package reads them, and what argparse makes of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.cli.arguments import normalise, parse, read_values
from gfd.cli.commands.command import Command, Positional
from gfd.cli.registry import COMMANDS as GFD_COMMANDS
from gfd.config.options import OPTIONS, Option
from gfd.errors import ConfigError

JSON = Option(field="json", flags=("--json",), kind="bool", help="As JSON.", group="Own")
LEVEL = Option(field="level", flags=("--level",), help="A level.", group="Own")
FILES = Positional(field="files", metavar="FILE", help="Files.", is_repeatable=True)
SIZE = Positional(field="size", metavar="SIZE", help="A size.", choices=("small", "large"))
COMMANDS = {
    "config": Command(help="Configure.", run=lambda *_: None, options=(JSON,)),
    "dump": Command(help="Dump.", run=lambda *_: None, options=(LEVEL,), positional=FILES),
    "cut": Command(help="Cut.", run=lambda *_: None, positional=SIZE),
}


def flatten(argv: list[str], commands: dict[str, Command]) -> list[str]:
    """Return everything in the order of the parsers that take it."""
    arguments = normalise(argv, commands)
    assert not arguments.errors
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
        (["-o", "FILE", "dump", "-o=x", "y"], ["--output-file=FILE", "dump", "--output-file=x", "y"]),
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
        (["--json"], "--json (command line): unknown flag"),
        (["dump", "config", "--json"], "--json (command line): unknown flag"),
        (["dump", "--zzzzzz"], "--zzzzzz (command line): unknown flag; gfd dump --help-all lists all flags"),
        (["---oneshot"], "---oneshot (command line): unknown flag; did you mean --oneshot?"),
        (["-=x"], "- (command line): unknown flag"),
        (
            ["--mig-strategy"],
            "--mig-strategy (command line): needs a value; write --mig-strategy none|",
        ),
        (["-o"], "-o (command line): needs a value; write -o FILE"),
        (["--help=maybe"], "--help (command line): 'maybe' is not a boolean"),
        (["--", "--oneshot"], "--oneshot (command line): unknown command; gfd --help lists all commands"),
        ([""], "'' (command line): unknown command"),
        (["config", ""], "'' (command line): gfd config takes no such word"),
        (["dmp"], "dmp (command line): unknown command; did you mean dump?"),
        (["dump"], "gfd dump (command line): the following arguments are required: FILE; see gfd dump"),
        (["config", "x"], "x (command line): gfd config takes no such word; see gfd config --help"),
        (["cut", "small", "large"], "large (command line): gfd cut takes no such word"),
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
    assert read_values(COMMANDS["dump"], texts) == {"level": "5", "files": ("a", "-", "", "-b")}


def test_the_same_flag_before_and_after_a_command() -> None:
    argv = ["--mig=all-1g.5gb", "-o=f", "select", "--mig", "1g.5gb", "-o", "json"]
    texts = parse(normalise(argv, GFD_COMMANDS), GFD_COMMANDS)
    assert (texts["mig"], texts["profile"]) == ("all-1g.5gb", "1g.5gb")
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
    assert {*command.general_options, *implied} <= general
