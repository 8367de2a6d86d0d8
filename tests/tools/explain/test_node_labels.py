"""gfd explain --node with kubectl's output; tests/cluster/test_explain.py uses a real API server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gfd import cli

pytestmark = pytest.mark.whole

Explain = Callable[..., tuple[int | None, str, str]]


def held(manager: str, *keys: str, kind: str = "labels") -> dict[str, Any]:
    fields: dict[str, Any] = {"f:metadata": {f"f:{kind}": {f"f:{key}": {} for key in keys}}}
    return {"manager": manager, "operation": "Apply", "fieldsV1": fields}


LABELS = {
    "nvidia.com/gpu.count": "7",
    "nvidia.com/mig.config": "all-1g.5gb",
    "nvidia.com/rack": "a\x1b[2J",
    "kubernetes.io/arch": "amd64",
}
METADATA = {
    "name": "node-1",
    "labels": LABELS,
    "annotations": {"nvidia.com/gpu.machine": "a b c", "other": "x"},
    "managedFields": [
        held("gfd", "nvidia.com/gpu.count"),
        held("mig-manager", "nvidia.com/mig.config"),
        held("gfd", "nvidia.com/gpu.machine", kind="annotations"),
    ],
}


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Explain:
    """Run gfd explain --node about the Nodes of a file."""
    file = tmp_path / "nodes.json"
    items = [{"kind": "Node", "metadata": metadata} for metadata in (METADATA, {"name": "bare"})]
    file.write_text(json.dumps({"kind": "List", "items": items}))

    def run(node: str, *words: str) -> tuple[int | None, str, str]:
        code = cli.run(("explain", "--nodes", str(file), f"--node={node}", *words), {})
        captured = capsys.readouterr()
        return code, captured.out, captured.err.replace(str(file), "FILE")

    return run


def test_the_labels_of_a_node(explain: Explain) -> None:
    expected = """\
label       value       owned by     meaning
gpu.count   7           gfd          GPUs of the node's model, or MIG devices; 0 if the MIG layout is invalid.
mig.config  all-1g.5gb  mig-manager  Belongs to NVIDIA's GPU operator.
rack        a\\x1b[2J
"""
    assert explain("node-1") == (0, expected, "")


def test_one_label_of_a_node(explain: Explain) -> None:
    expected = """\
nvidia.com/gpu.count=7
  GPUs of the node's model, or MIG devices; 0 if the MIG layout is invalid.
  unit        devices
  written by  _resources.j2, line 6: {{ key }}.count={{ resource.count }}
  when        with a GPU
  made from   Gpu.index, from nvmlDeviceGetCount, nvmlDeviceGetHandleByIndex
              MigDevice.index, from nvmlDeviceGetMaxMigDeviceCount, nvmlDeviceGetMigDeviceHandleByIndex
  owned by    gfd
  value from  Node node-1; run gfd explain there for raw values

nvidia.com/gpu.machine=a b c
  The machine's model (DMI product name); unknown if it cannot be read.
  unit        name
  written by  _node.j2, line 53: nvidia.com/gpu.machine={{ node.machine }}
  when        with a GPU
  made from   Inventory.machine_type, from /sys/class/dmi/id/product_name (--machine-type-file)
  owned by    gfd
  value from  the annotations of Node node-1; run gfd explain there for raw values

kubernetes.io/arch=amd64
  Belongs to Kubernetes.
  owned by    unknown; see kubectl get --show-managed-fields
  value from  Node node-1

nvidia.com/gpu.clique: not written on Node node-1
  The GPUs' NVLink fabric and clique: cluster UUID, dot, clique id.
  unit        name
  written by  _node.j2, line 59: nvidia.com/gpu.clique={{ node.clique }}
  when        with a GPU, if all GPUs on an NVLink fabric are in the same clique
  made from   Gpu.fabric, from nvmlDeviceGetGpuFabricInfo, nvmlDeviceGetGpuFabricInfoV
"""
    assert explain("node-1", "gpu.count", "gpu.machine", "kubernetes.io/arch", "gpu.clique") == (
        0,
        expected,
        "",
    )


def test_json_of_a_node(explain: Explain) -> None:
    code, out, _ = explain("node-1", "rack", "gpu.engines.copy", "-o", "json")
    rack, engines = json.loads(out)
    assert code == 0
    assert (rack["value"], rack["holders"], rack["places"]) == ("a\x1b[2J", [], [])
    assert (engines["value"], len(engines["places"]), engines["seen_on"]) == (None, 2, "Node node-1")
    assert [part["name"] for part in engines["parts"]] == ["MigDevice.engines.copy", "Gpu.engines.copy"]


def test_keys_that_are_missing(explain: Explain) -> None:
    nothing = "Node bare has no labels of gfd; run gfd doctor in the agent's pod there\n"
    assert explain("bare") == (0, nothing, "")
    assert explain("bare", "gpu.couns") == (
        1,
        "",
        "gfd: gfd does not write nvidia.com/gpu.couns (did you mean nvidia.com/gpu.count?)\n",
    )


def test_a_missing_node(explain: Explain) -> None:
    assert explain("node-2") == (1, "", "gfd: FILE: there is no Node node-2; did you mean node-1?\n")
    assert explain("\x1b[2J") == (1, "", "gfd: FILE: there is no Node \\x1b[2J\n")
