"""``gfd match --simulate``: on which machine, or which of several instance types, a pod would run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tools.match.command import Gfd

POD = """apiVersion: v1
kind: Pod
metadata: {{name: a}}
spec:
  containers:
  - name: c
    image: x
    resources: {{limits: {{nvidia.com/gpu: {gpu}, cpu: {cpu}, memory: {memory}}}}}
{more}"""


@pytest.fixture(name="match")
def fixture_match(gfd: Gfd, tmp_path: Path) -> Any:
    def match(machines: str, gpu: int = 1, cpu: str = "1", memory: str = "1Gi", more: str = "") -> Any:
        file = tmp_path / "pod.yaml"
        file.write_text(POD.format(gpu=gpu, cpu=cpu, memory=memory, more=more))
        code, out, _ = gfd("match", str(file), "--simulate", machines, "-o", "json")
        (pod,) = json.loads(out)["pods"]
        return code, {node["name"]: node["verdict"] for node in pod["nodes"]}

    return match


def test_several_instance_types(match: Any) -> None:
    found = {"p5.48xlarge": "fits", "g6e.xlarge": "fits"}
    assert match("P5.48xlarge, g6e.xlarge") == (0, found)
    assert match("p5.48xlarge,g6e.xlarge", gpu=2) == (0, {**found, "g6e.xlarge": "no"})
    assert match("g6e.xlarge,g6e.xlarge,p5.48xlarge", gpu=2)[1] == {
        "p5.48xlarge": "fits",
        "g6e.xlarge": "no",
        "g6e.xlarge-2": "no",
    }


@pytest.mark.parametrize(
    ("cpu", "memory", "code", "verdict"),
    [
        ("2", "20Gi", 0, "fits"),
        ("3", "20Gi", 3, "may fit"),
        ("4", "20Gi", 3, "may fit"),
        ("4001m", "20Gi", 1, "no"),
        ("2", "22Gi", 3, "may fit"),
        ("2", "32Gi", 3, "may fit"),
        ("2", "33Gi", 1, "no"),
    ],
)
def test_cpu_and_memory(match: Any, cpu: str, memory: str, code: int, verdict: str) -> None:
    """The machine's size is an upper bound: the kubelet and the system keep an unknown part."""
    assert match("g6e.xlarge", cpu=cpu, memory=memory) == (code, {"g6e.xlarge": verdict})


def test_the_copies_of_a_deployment_share_the_machine(gfd: Gfd, tmp_path: Path) -> None:
    file = tmp_path / "deployment.yaml"
    file.write_text(
        """apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  replicas: 8
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: x, resources: {limits: {nvidia.com/gpu: 1, cpu: 24}}}]}
"""
    )
    code, out, _ = gfd("match", str(file), "--simulate=g5.48xlarge", "-o", "json")
    (pod,) = json.loads(out)["pods"]
    assert (code, pod["placed"], pod["placed_at_most"]) == (3, 5, 8)
    assert (
        "what the system and the kubelet keep is unknown"
        in gfd("match", str(file), "--simulate=g5.48xlarge")[1]
    )
    code, out, _ = gfd("match", str(file), "--simulate=g5.48xlarge,g5.48xlarge", "-o", "json")
    assert (code, json.loads(out)["pods"][0]["placed"]) == (0, 8)


def test_many_names(match: Any) -> None:
    code, found = match(",".join(["g6e.xlarge"] * 50))
    assert (code, len(found), set(found.values())) == (0, 50, {"fits"})


def test_without_a_known_size_cpu_is_not_judged(match: Any) -> None:
    assert match("l4,g6.xlarge", memory="20Gi") == (3, {"l4": "may fit", "g6.xlarge": "no"})


@pytest.mark.parametrize(
    ("wanted", "code", "verdict"),
    [("g6e.xlarge", 0, "fits"), ("g6e.2xlarge", 1, "no"), ("p5.48xlarge", 1, "no")],
)
def test_the_label_of_the_instance_type(match: Any, wanted: str, code: int, verdict: str) -> None:
    more = f"  nodeSelector: {{node.kubernetes.io/instance-type: {wanted}}}\n"
    assert match("g6e.xlarge", more=more) == (code, {"g6e.xlarge": verdict})


def test_other_tools_show_only_the_devices(gfd: Gfd) -> None:
    code, out, _ = gfd("nodes", "--simulate=g6e.xlarge,p5.48xlarge", "-o=json")
    assert code == 0
    assert "nvidia.com/gpu" in out
    assert '"cpu"' not in out
    code, out, err = gfd("dump", "--simulate=g6e.xlarge,p5.48xlarge")
    assert (code, out) == (2, "")
    assert "only gfd match, nodes and select take several" in err
