"""Config files of the device plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.config.config_file import ConfigFile, read
from gfd.config.file_warnings import UnknownKey
from gfd.errors import ConfigError
from gfd.labels.sharing import Sharing
from tests.config import read_config, read_error


def texts(file: Path, text: str) -> dict[str, tuple[str, ...]]:
    return {key: value.texts for key, value in read_config(file, text).values.items()}


@pytest.mark.parametrize(
    "text",
    ["", "# nothing\n", "{}", "null", "---\n", "version: v1", "version:", "version: ''", "version: !!str v1",
     "VERSION: v1", "flags:\nsharing:\nimex:\nresources:\n", "version: v1\n---\nversion: v2\n",
     "version: v2\nversion: v1\n", "{version: v1, VERSION: true}", "\ufeffversion: v1"],
)  # fmt: skip
def test_an_empty_configuration(file: Path, text: str) -> None:
    assert read_config(file, text) == ConfigFile(
        source=str(file), values={}, sharing=Sharing(), warnings=(), unknown_keys=()
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version: v2", "version (FILE:1): expected v1, found the string 'v2'"),
        ("a: 1\nversion: 1", "version (FILE:2): expected v1, found the number 1"),
        ("{VERSION: v2, version: null}", "version (FILE:1): expected v1, found the string 'v2'"),
        ("version: [v1]", "version (FILE:1): expected v1, found a list"),
        ("version: {}", "version (FILE:1): expected v1, found a mapping"),
        ("hello", "--config-file (FILE:1): expected a mapping, found the string 'hello'"),
        ("[]", "--config-file (FILE:1): expected a mapping, found a list"),
        ("flags: true", "flags (FILE:1): expected a mapping, found true"),
        ("flags: {gfd: 1.5}", "flags.gfd (FILE:1): expected a mapping, found the number 1.5"),
        (
            "flags:\n  migStrategy: 5",
            "flags.migStrategy (FILE:2): expected a string, found the number 5; put it in quotes",
        ),
        ("flags: {migStrategy: []}", "flags.migStrategy (FILE:1): expected a string, found a list"),
        ("flags: {gfd: {outputFile: no}}", "flags.gfd.outputFile (FILE:1): expected a string, found false"),
        (
            "flags: {gfd: {oneshot: 'true'}}",
            "flags.gfd.oneshot (FILE:1): expected true or false, found the string 'true'; remove the quotes",
        ),
        ("flags: {gfd: {oneshot: 1}}", "flags.gfd.oneshot (FILE:1): expected true or false"),
        (
            "flags: {gfd: {sleepInterval: true}}",
            "flags.gfd.sleepInterval (FILE:1): expected a duration such as 60s, found true",
        ),
        (
            "flags: {gfd: {sleepInterval: 1m, SLEEPINTERVAL: '60'}}",
            "flags.gfd.sleepInterval (FILE:1): '60' has no unit; did you mean 60s?",
        ),
        ("flags: {gfd: {sleepInterval: [1s]}}", "flags.gfd.sleepInterval (FILE:1): expected a duration"),
        (
            "flags: {gfd: {sink: [stdout, 1]}}",
            "flags.gfd.sink (FILE:1): expected a string or a list of strings, found a list of the string",
        ),
        ("flags: {gfd: {sink: 1}}", "flags.gfd.sink (FILE:1): expected a string or a list of strings"),
        ("flags: {gdsEnabled: 'no'}", "flags.gdsEnabled (FILE:1): expected true or false"),
        ("flags: {plugin: {deviceListStrategy: 1}}", "flags.plugin.deviceListStrategy (FILE:1): expected a"),
        ("imex: {channelIDs: [a]}", "imex.channelIDs (FILE:1): expected a list of whole numbers, found"),
        ("imex: {channelIDs: 0}", "imex.channelIDs (FILE:1): expected a list of whole numbers, found the"),
        ("imex: {channelIDs: [true]}", "imex.channelIDs (FILE:1): expected a list of whole numbers"),
        ("imex: {required: 1}", "imex.required (FILE:1): expected true or false"),
        ("resources: {gpus: 5}", "resources.gpus (FILE:1): expected a list, found the number 5"),
        ("resources: {gpus: [a]}", "resources.gpus[0] (FILE:1): expected a mapping"),
        ("resources: {mig: [{name: a}]}", "resources.mig[0].pattern (FILE:1): is missing"),
        ("resources: {mig: [{pattern: a}]}", "resources.mig[0].name (FILE:1): is missing"),
        (
            "resources: {gpus: [{pattern: 1, name: a}]}",
            "resources.gpus[0].pattern (FILE:1): expected a string",
        ),
        ("resources: {gpus: [{pattern: a, name: }]}", "resources.gpus[0].name (FILE:1): expected a resource"),
    ],
)
def test_errors_name_key_and_line(file: Path, text: str, message: str) -> None:
    assert read_error(file, text).startswith(message)


def test_values_by_key(file: Path) -> None:
    text = """
        flags:
          MIGSTRATEGY: single
          failoninierror: true
          failOnInitError: no
          useNodeFeatureAPI: false
          mpsRoot: /mps
          plugin:
            containerDriverRoot: /driver
            deviceListStrategy: [envvar, null]
            passDeviceSpecs: null
          gfd:
            sleepInterval: 1m30s
            outputFile: ""
            noTimestamp: y
            sink: [stdout, file]
            extraLabels: identity,counts
            labelTtl: 3600000000000
            oneshot: null
        imex: {channelIDs: [0, null], required: true}
        """
    found = read_config(file, text)
    assert {key: value.texts for key, value in found.values.items()} == {
        "flags.migStrategy": ("single",),
        "flags.failOnInitError": ("false",),
        "flags.useNodeFeatureAPI": ("false",),
        "flags.mpsRoot": ("/mps",),
        "flags.plugin.containerDriverRoot": ("/driver",),
        "flags.plugin.deviceListStrategy": ("envvar",),
        "flags.gfd.sleepInterval": ("1m30s",),
        "flags.gfd.outputFile": ("",),
        "flags.gfd.noTimestamp": ("true",),
        "flags.gfd.sink": ("stdout", "file"),
        "flags.gfd.extraLabels": ("identity,counts",),
        "flags.gfd.labelTtl": ("3600000000000ns",),
        "imex.channelIDs": ("0", "0"),
        "imex.required": ("true",),
    }
    assert found.values["flags.migStrategy"].line == 3
    assert found.values["flags.gfd.outputFile"].line == 14
    assert found.warnings == ()
    assert found.unknown_keys == (
        UnknownKey(path="flags.failoninierror", line=4, hint="; did you mean failOnInitError?"),
    )


def test_json_with_tabs(file: Path) -> None:
    text = '{\n\t"version":\t"v1",\n\t"flags": {\n\t\t"migStrategy": "mixed"\n\t}\n}\n'
    assert read_config(file, text).values["flags.migStrategy"].line == 4


def test_of_two_spellings_the_last_in_byte_order_wins(file: Path) -> None:
    assert texts(file, "flags: {migStrategy: mixed, MIGSTRATEGY: single}") == {
        "flags.migStrategy": ("mixed",)
    }
    assert texts(file, "flags: {migStrategy: null, MIGSTRATEGY: single}") == {}
    assert texts(file, "flags: {gfd: {oneshot: y}}\nFLAGS: {migStrategy: none}") == {
        "flags.migStrategy": ("none",),
        "flags.gfd.oneshot": ("true",),
    }


@pytest.mark.parametrize(
    ("number", "text", "is_warned"),
    [("60", "60ns", True), ("1.9", "1ns", True), ("60_000_000_000", "60000000000ns", False),
     ("0", "0ns", False), ("-5", "-5ns", False), ("'60s'", "60s", False), ("'off'", "off", False),
     ("off", "off", False)],
)  # fmt: skip
def test_a_number_is_nanoseconds(file: Path, number: str, text: str, is_warned: bool) -> None:
    found = read_config(file, f"flags:\n  gfd:\n    sleepInterval: {number}\n")
    assert found.values["flags.gfd.sleepInterval"].texts == (text,)
    warning = f"{file}:3: flags.gfd.sleepInterval is {text}, since a number means nanoseconds; write a unit"
    assert found.warnings == ((warning,) if is_warned else ())


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as missing:
        read(tmp_path / "none", origin="CONFIG_FILE")
    assert str(missing.value) == (
        f"--config-file (CONFIG_FILE): cannot read {tmp_path / 'none'}: No such file or directory;"
        " check the path"
    )
    with pytest.raises(ConfigError, match="Is a directory"):
        read(tmp_path)


def test_bytes_that_are_not_text(file: Path) -> None:
    file.write_bytes(b"version: \xff\xfe\xfa\n")
    with pytest.raises(ConfigError) as refused:
        read(file)
    assert str(refused.value) == (f"--config-file ({file}:1): is not valid YAML: it is not text in UTF-8")


@pytest.mark.parametrize("origin", ["command line", "CONFIG_FILE"])
def test_a_file_that_is_too_large(file: Path, origin: str) -> None:
    file.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(ConfigError) as refused:
        read(file, origin=origin)
    place = file if origin == "command line" else origin
    assert str(refused.value) == f"--config-file ({place}): cannot read {file}: it holds more than 1 MiB"


def test_merges_of_merges(file: Path) -> None:
    lines = ["a0: &a0 {k0: 0}"] + [f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: 0}}" for i in range(1, 10_000)]
    assert read_error(file, "\n".join(lines)) == (
        "--config-file (FILE:1001): is too large: it uses its anchors again and again"
    )


def test_errors_at_the_end_of_the_file(file: Path) -> None:
    assert read_error(file, "a:\n  b: [").startswith("--config-file (FILE:2): is not valid YAML")
    assert read_error(file, "a:\n  b: [\n").startswith("--config-file (FILE:2): is not valid YAML")


@pytest.mark.parametrize("digits", [20, 5000, 500_000])
def test_long_numbers(file: Path, digits: int) -> None:
    """Python refuses to read a number of more than 4,300 digits."""
    number = "9" * digits
    sharing = f"sharing: {{mps: {{resources: [{{name: gpu, replicas: {number}}}]}}}}"
    said = read_error(file, sharing)
    assert said.startswith(
        "sharing.mps.resources[0].replicas (FILE:1): expected a whole number of at least 2"
    )
    assert len(said) < 250
    said = read_error(file, f"flags: {{gfd: {{sleepInterval: {number}s}}}}")
    assert said.startswith("flags.gfd.sleepInterval (FILE:1): '99999999999999999999")
    assert len(said) < 250
    devices = f"sharing: {{mps: {{resources: [{{name: gpu, replicas: 2, devices: ['{number}']}}]}}}}"
    assert read_error(file, devices).startswith("sharing.mps.resources[0].devices (FILE:1): expected all")
