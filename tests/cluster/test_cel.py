"""CEL expressions: a real API server refuses the same, and Kubernetes' own evaluator gives the same."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Sequence
from typing import Any

import pytest

from gfd.clusterview.dra.model import AttributeValue, Device, Version
from gfd.errors import ApiError
from gfd.tools.match.cel import CompileError, compile_expression
from tests.cluster import programs
from tests.cluster.controlplane import ControlPlane
from tests.tools.match.cel.devices import DEVICES
from tests.tools.match.cel.random_expressions import ExpressionWriter
from tests.tools.match.cel.table import REFUSED, TABLE, ExpressionRow, agrees, judge, read_table

pytestmark = pytest.mark.cluster

CLASSES = "/apis/resource.k8s.io/v1/deviceclasses"
FIELD = re.compile(r"spec\.selectors\[(\d+)\]\.cel\.expression")
SELECTORS = 32
"""The most selectors of a DeviceClass."""


def evaluate(expressions: Sequence[str]) -> list[dict[str, Any]]:
    """Return what Kubernetes' own evaluator says of each expression."""
    given = {"devices": [write(device) for device in DEVICES.values()], "expressions": expressions}
    run = subprocess.run(
        [programs.cel_evaluator()], input=json.dumps(given), capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


def write(device: Device) -> dict[str, Any]:
    """Return a device as in a ResourceSlice."""
    return {
        "driver": device.id.driver,
        "allowMultipleAllocations": device.is_shareable,
        "attributes": {name: write_attribute(value) for name, value in device.attributes.items()},
        "capacity": {name: {"value": str(value)} for name, value in device.capacity.items()},
    }


def write_attribute(value: AttributeValue) -> dict[str, Any]:
    if isinstance(value, tuple):
        return {"strings": value}
    kinds = {str: "string", int: "int", bool: "bool", Version: "version"}
    return {kinds[type(value)]: str(value) if isinstance(value, Version) else value}


def shorten(answer: dict[str, Any]) -> str:
    """Return a result as in the table."""
    return REFUSED if answer["refusal"] else "".join(each[0] for each in answer["results"])


def find_refused(plane: ControlPlane, expressions: Sequence[str]) -> dict[int, str]:
    """Return the indices of the expressions that the API server refuses, each with the reason."""
    selectors = [{"cel": {"expression": each}} for each in expressions]
    body = {"metadata": {"name": "table"}, "spec": {"selectors": selectors}}
    try:
        plane.admin.request("POST", CLASSES, body, query={"dryRun": "All"})
    except ApiError as error:
        causes = error.details["causes"]
        found = [(FIELD.fullmatch(cause["field"]), cause["message"]) for cause in causes]
        return {int(match[1]): message for match, message in found if match}
    return {}


def test_the_table_has_the_results_of_kubernetes(pytestconfig: pytest.Config) -> None:
    rows = read_table()
    expressions = [row.expression for row in rows]
    right = [
        ExpressionRow(shorten(answer), "?" not in judge(expression), expression)
        for expression, answer in zip(expressions, evaluate(expressions), strict=True)
    ]
    if pytestconfig.getoption("--update-golden"):
        TABLE.write_text("".join(f"{row}\n" for row in right))
    assert right == rows


def test_random_expressions_give_what_they_give_in_kubernetes() -> None:
    writer = ExpressionWriter(seed=37)
    expressions = [writer.write() for _ in range(3000)]
    results = list(map(shorten, evaluate(expressions)))
    own = list(map(judge, expressions))
    wrong = [
        (expression, given, result)
        for expression, given, result in zip(expressions, own, results, strict=True)
        if not agrees(given, result)
    ]
    assert sum("?" not in given for given in own) > 700
    assert not wrong
    assert {letter for result in results if result != REFUSED for letter in result} == set("tfe")


def test_the_api_server_refuses_the_same_expressions(plane: ControlPlane) -> None:
    rows = read_table()
    for batch in batch_rows(rows):
        refused = find_refused(plane, [row.expression for row in batch])
        for index, row in enumerate(batch):
            assert (index in refused) == (row.result == REFUSED), (row, refused.get(index))


def batch_rows(rows: Sequence[ExpressionRow]) -> list[tuple[ExpressionRow, ...]]:
    return [tuple(rows[start : start + SELECTORS]) for start in range(0, len(rows), SELECTORS)]


@pytest.mark.parametrize(
    "expression",
    [
        "device.drivr == 'gpu.nvidia.com'",
        "device.driver == 'gpu.nvidia.com' &&\n  device.attributes['gpu.nvidia.com'].count.foo(",
        "device.capacity['gpu.nvidia.com'].memory > quantity('40Gi')",
        "device.driver in ['a', 1]",
        "device.attributes['gpu.nvidia.com'].type.matches('(')",
    ],
)
def test_an_error_has_the_place_that_the_api_server_names(plane: ControlPlane, expression: str) -> None:
    with pytest.raises(CompileError) as caught:
        compile_expression(expression)
    reason = find_refused(plane, [expression])[0]
    assert f"ERROR: <input>:{caught.value.line}:{caught.value.column}: " in reason


def test_the_longest_expression_is_that_of_the_api_server(plane: ControlPlane) -> None:
    longest = "true" + " " * (10 * 1024 - 4)
    assert not find_refused(plane, [longest])
    assert compile_expression(longest).matches(DEVICES["gpu"])
    assert find_refused(plane, [longest + " "]) == {0: "Too long: may not be more than 10240 bytes"}
    with pytest.raises(CompileError, match="10241 bytes"):
        compile_expression(longest + " ")
