"""Every value of the chart has its line, its place in the schema, and a use."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import gfd
from tests.pages import ROOT

CHART = ROOT / "manifests/helm/gfd"
VALUES = (CHART / "values.yaml").read_text()
ALSO_AT_THE_TOP = {"sleepInterval", "noTimestamp"}
"""As in the chart of the original, which has them there; no default says so."""

TOLERATED = {
    *("compatWithCPUManager", "deviceListStrategy", "deviceIDStrategy", "gdrcopyEnabled", "gdsEnabled"),
    *("mofedEnabled", "allowDefaultNamespace", "securityContext", "devicePlugin", "mps", "cdi", "global"),
    *("gfd.nameOverride", "gfd.namespaceOverride"),
}
"""Values of the original's chart that only the device plugin reads, and Helm's own."""

PASSED_ON = {"nfd.nameOverride", "nfd.worker"}
"""Values of NFD's chart."""

OBJECTS = {"affinity", "updateStrategy", "resources", "report.resources"}
"""Values that Kubernetes defines; the schema knows their keys."""

Row = tuple[str, str, str]
"""Path, default and meaning."""


def rows(node: yaml.Node, parent: str = "") -> Iterator[Row]:
    """Yield a row for each value that has a comment, and an empty meaning for what should have one."""
    assert isinstance(node, yaml.MappingNode)
    for key, value in node.value:
        path = f"{parent}{key.value}"
        meaning = comment_above(key.start_mark.line)
        if not meaning and isinstance(value, yaml.MappingNode) and value.value:
            yield from rows(value, f"{path}.")
        else:
            is_short = value.start_mark.line == key.start_mark.line
            default = VALUES[value.start_mark.index : value.end_mark.index] if is_short else "…"
            yield path, default, meaning


def comment_above(line: int) -> str:
    lines, found = VALUES.splitlines(), list[str]()
    while line and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        found.insert(0, lines[line].strip("# "))
    return " ".join(found)


TREE = yaml.compose(VALUES)
assert TREE is not None
ROWS = list(rows(TREE))
PATHS = {path for path, _, _ in ROWS}


def properties(schema: dict[str, Any], parent: str = "") -> Iterator[str]:
    for name, inner in schema["properties"].items():
        path = f"{parent}{name}"
        if "properties" in inner and path not in OBJECTS:
            yield from properties(inner, f"{path}.")
        else:
            assert {"type", "enum"} & set(inner) or path in TOLERATED, path
            yield path


def test_every_value_has_its_line() -> None:
    assert [path for path, _, meaning in ROWS if not meaning] == []


def test_the_readme(request: pytest.FixtureRequest) -> None:
    install = "helm install gfd . --namespace gfd --create-namespace --set migStrategy=single"
    text = (
        "# gfd\n\nGPU labels that Kubernetes can trust. This chart accepts the values of the chart of\n"
        "NVIDIA's device plugin. Values that only the plugin uses have no effect. Unknown values are an\n"
        "error.\n\n"
        f"```console\n$ {install}\n```\n\n| value | default | meaning |\n|---|---|---|\n"
    )
    text += "".join(f"| `{path}` | `{default}` | {meaning} |\n" for path, default, meaning in ROWS)
    if request.config.getoption("--update-golden"):
        (CHART / "README.md").write_text(text)
    assert (CHART / "README.md").read_text() == text


def test_the_schema_knows_every_value_and_no_other() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert set(properties(schema)) == PATHS | ALSO_AT_THE_TOP | TOLERATED


def test_every_value_is_used_and_every_use_is_a_value() -> None:
    files = [path for path in (CHART / "templates").rglob("*") if path.is_file()]
    templates = "".join(path.read_text() for path in files)
    assert set(re.findall(r"\.Values\.([\w.]+)", templates)) == PATHS - PASSED_ON | ALSO_AT_THE_TOP


def test_the_chart_with_nfd_differs_only_in_its_dependency() -> None:
    both = CHART.with_name("gfd-with-nfd")
    assert {path.name for path in both.iterdir()} - {"charts", "Chart.lock"} == {
        path.name for path in CHART.iterdir()
    }
    for path in CHART.iterdir():
        if path.name != "Chart.yaml":
            assert (both / path.name).readlink() == Path("../gfd") / path.name
    described = yaml.safe_load((both / "Chart.yaml").read_text())
    # As in the chart of the original, version 0.20.0, but for the values.
    assert described.pop("dependencies") == [
        {
            "name": "node-feature-discovery",
            "alias": "nfd",
            "version": "0.19.0",
            "condition": "nfd.enabled,gfd.enabled",
            "repository": "oci://registry.k8s.io/nfd/charts",
        }
    ]
    assert described == yaml.safe_load((CHART / "Chart.yaml").read_text())


def test_the_version_is_gfds() -> None:
    described = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (described["version"], described["appVersion"]) == (gfd.__version__, gfd.__version__)


def test_the_values_name_the_version_of_nfd() -> None:
    (dependency,) = yaml.safe_load((CHART.with_name("gfd-with-nfd") / "Chart.yaml").read_text())[
        "dependencies"
    ]
    (meaning,) = [meaning for path, _, meaning in ROWS if path == "nfd.enabled"]
    assert f"{dependency['name']} {dependency['version']})" in meaning
