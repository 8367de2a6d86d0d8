"""Unknown keys of a config file, and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config import read_config, read_error


def test_unknown_keys_have_suggestions(file: Path) -> None:
    text = """version: v1
flags:
  sleepInterval: 5s
  gfd:
    outputfil: x
sharing:
  timeSlicing:
    renamebydefault: true
    resources:
    - {name: gpu, replicas: 2, Replicas: 3}
imex: {whatever: [{}]}
timeSlicing: {}
"""
    assert [
        (unknown.path, unknown.line, unknown.hint) for unknown in read_config(file, text).unknown_keys
    ] == [
        ("flags.sleepInterval", 3, "; did you mean flags.gfd.sleepInterval?"),
        ("flags.gfd.outputfil", 5, "; did you mean outputFile?"),
        ("sharing.timeSlicing.renamebydefault", 8, "; did you mean renameByDefault?"),
        ("sharing.timeSlicing.resources[0].Replicas", 10, "; did you mean replicas?"),
        ("imex.whatever", 11, ""),
        ("timeSlicing", 12, "; did you mean sharing.timeSlicing?"),
    ]


def test_a_kind_alone_is_an_unknown_key(file: Path) -> None:
    assert [key.path for key in read_config(file, "kind: x\n").unknown_keys] == ["kind"]


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ("flags: {renameByDefault: true}", "flags.renameByDefault", "sharing.timeSlicing.renameByDefault"),
        ("flags: {sharing: {}}", "flags.sharing", "sharing, at the top level"),
        ("sharing: {resources: []}", "sharing.resources", "sharing.timeSlicing.resources"),
        ("sharing: {renamebydefault: y}", "sharing.renamebydefault", "sharing.timeSlicing.renameByDefault"),
        ("timeSlicing: {x: 1}", "timeSlicing", "sharing.timeSlicing"),
        ("mps: {}", "mps", "sharing.mps"),
        ("replicas: 2", "replicas", "sharing.timeSlicing.resources[].replicas"),
        ("migstrategy: single", "migstrategy", "flags.migStrategy"),
        ("migStratgy: single", "migStratgy", "flags.migStrategy"),
        ("gfd: {}", "gfd", "flags.gfd"),
        ("flags: {imex: {}}", "flags.imex", "imex, at the top level"),
        ("flags: {resources: {}}", "flags.resources", "resources, at the top level"),
        ("flags: {resources: [{}]}", "flags.resources", "sharing.timeSlicing.resources"),
        ("flags: {version: v1}", "flags.version", "version, at the top level"),
        ("pattern: x", "pattern", "resources.gpus[].pattern"),
        ("flgas: {}", "flgas", "flags"),
    ],
)
def test_a_misplaced_key(file: Path, text: str, path: str, hint: str) -> None:
    (key, *_) = read_config(file, text).unknown_keys
    assert (key.path, key.hint) == (path, f"; did you mean {hint}?")


def test_the_keys_of_a_misplaced_section(file: Path) -> None:
    keys = read_config(file, "timeSlicing:\n  replicas: 4\n  renameByDefault: true\n").unknown_keys
    assert [(key.path, key.line, key.hint) for key in keys] == [
        ("timeSlicing", 1, "; did you mean sharing.timeSlicing?"),
        ("timeSlicing.replicas", 2, "; did you mean sharing.timeSlicing.resources[].replicas?"),
    ]


def test_misplaced_keys_of_sharing(file: Path) -> None:
    shared = (
        "sharing:\n  mps:\n    resources:\n    - name: gpu\n      replicas: 2\n      renameByDefault: true\n"
    )
    assert [(key.path, key.line, key.hint) for key in read_config(file, shared).unknown_keys] == [
        ("sharing.mps.resources[0].renameByDefault", 6, "; did you mean sharing.mps.renameByDefault?")
    ]
    assert read_error(file, "sharing: {timeSlicing: {replicas: 4}}") == (
        "sharing.timeSlicing (FILE:1): shares no resources; list at least one, or remove the section;"
        " move replicas into an item of sharing.timeSlicing.resources"
    )
    assert read_error(file, "resources: [{name: gpu, replicas: 4}]") == (
        "resources (FILE:1): expected a mapping, found a list; did you mean sharing.timeSlicing.resources?"
    )


def test_many_unknown_keys(file: Path) -> None:
    found = read_config(file, "".join(f"key{number:03}: 1\n" for number in range(200)))
    assert len(found.unknown_keys) == 50
    assert found.warnings == (f"{file}:51: there are more than 50 unknown keys; is this a config file?",)
