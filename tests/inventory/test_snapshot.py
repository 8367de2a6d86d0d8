from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given

from gfd.errors import DocumentError
from gfd.inventory import snapshot
from gfd.inventory.model import Inventory
from tests.any_inventory import any_inventory
from tests.make import failure, gpu, inventory, mig_gpu


@given(any_inventory())
def test_a_snapshot_reads_back_equal(found: Inventory) -> None:
    same = found._replace(schema=1)
    assert snapshot.parse_inventory(snapshot.to_json(same), "x") == same


def test_yaml_reads_back_equal() -> None:
    found = inventory(gpu(0), mig_gpu(1, failures=(failure("uuid"),)))
    assert snapshot.parse_inventory(snapshot.to_yaml(found), "x") == found


@pytest.mark.parametrize("name", ["DGX Display", "NVIDIA DGX Display"])
def test_display_boards_are_left_out(name: str) -> None:
    found = inventory(gpu(0), gpu(1, name=name), gpu(2, name=f"{name} 2"))
    for written in (snapshot.to_json(found), snapshot.to_yaml(found)):
        assert snapshot.parse_inventory(written, "x") == inventory(gpu(0), gpu(2, name=f"{name} 2"))


def test_fields_at_their_default_are_left_out() -> None:
    assert snapshot.to_json(Inventory()) == '{\n  "schema": 1\n}\n'


def test_every_field_is_covered() -> None:
    def check(kind: Any) -> None:
        for hint in get_type_hints(kind).values():
            for part in (hint, *get_args(hint)):
                if hasattr(part, "_fields"):
                    check(part)
                elif not get_args(part) and part not in (Ellipsis, type(None)):
                    assert part in (str, int, bool, float)

    check(Inventory)


def without_end(name: str) -> str:
    """Return ten short lines of YAML that expand to ten billion values."""
    names = [*"abcdefghi", name]
    lines = [f"a: &a [{','.join('x' * 10)}]"]
    for before, each in pairwise(names):
        lines.append(f"{each}: &{each} [{','.join([f'*{before}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "x: not a snapshot: expected a mapping of fields; take one with gfd snapshot -o FILE"),
        ("- 1", "x: not a snapshot: expected a mapping of fields; take one with gfd snapshot -o FILE"),
        ("{", "x:1: is not valid JSON: Expecting property name enclosed in double quotes"),
        ("a: [", "x:1: is not valid YAML: did not find expected node content"),
        (
            "{}",
            "x: not a snapshot: it has no schema; take one with gfd snapshot -o FILE",
        ),
        ('{"schema": 2}', "x:1: schema: 2 cannot be read"),
        ("gpus: []\nschema: [1]", "x:2: schema: a list of 1 cannot be read"),
        ('{"schema":' * 100_000, "x:1: is nested too deeply"),
        ('{"schema": ' + "9" * 5000 + "}", "x:1: schema: str '999"),
        ("schema: " + "[" * 100_000, "x:1: is not valid YAML: exceeded maximum nesting depth"),
        ("schema: " + "9" * 5000, "x:1: schema: str '999"),
        ("schema: 2026-13-45", "x:1: schema: str '2026-13-45' cannot be read"),
        ("\x00", "x:1: is not valid YAML: it has the character U+0000"),
        ("a: &a {b: 1}\nschema: 1\n<<: *a\n", "x: a: no such field"),
        (without_end("schema"), "x:6: is too large: it uses its anchors again and again"),
        ("schema: 1\n" + without_end("gpus"), "x:7: is too large: it uses its anchors"),
        ('{"schema": 1, "gpu": []}', "x: gpu: no such field in this schema"),
        ('{"schema": 1, "gpus": {}}', "x: gpus: expected a list, found a mapping of 0"),
        ('{"schema": 1, "gpus": [{"index": 0}]}', "x: gpus[0].name: missing"),
        ('{"schema": 1, "gpus": [7]}', "x: gpus[0]: expected a mapping of fields, found int 7"),
        (
            '{"schema": 1, "gpus": [{"index": true, "name": "a"}]}',
            "x: gpus[0].index: expected a whole number, found bool True",
        ),
        (
            '{"schema": 1, "gpus": [{"index": 0, "name": "a", "compute_capability": [8]}]}',
            "x: gpus[0].compute_capability: expected 2 items, found 1",
        ),
        ('{"schema": 1, "driver_version": 5}', "x: driver_version: expected text, found int 5"),
        (
            '{"schema": 1, "gpus": [{"index": 0, "name": null}]}',
            "x: gpus[0].name: expected text, found nothing",
        ),
    ],
)
def test_errors_name_the_field(text: str, expected: str) -> None:
    with pytest.raises(DocumentError) as caught:
        snapshot.parse_inventory(text, "x")
    assert str(caught.value).startswith(expected)


def test_invalid_utf_8_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes("\ufeffschema: 1\nmachine_type: größe\n".encode())
    assert snapshot.read_file(path).machine_type == "größe"
    path.write_bytes(b"\xff")
    with pytest.raises(DocumentError, match="not text in UTF-8; take one with"):
        snapshot.read_file(path)


def test_invalid_json_is_an_error() -> None:
    assert json.loads(snapshot.to_json(inventory(gpu())))["gpus"][0]["compute_capability"] == [8, 0]
