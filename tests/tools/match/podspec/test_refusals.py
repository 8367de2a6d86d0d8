"""gfd refuses what the API server refuses; tests/cluster/test_match.py asks the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.errors import DocumentError
from tests.tools import goldens
from tests.tools.match.podspec.refusals import ACCEPTED, REFUSED, Object, affinity, make_pod, required
from tests.tools.match.reading import read_pods


def refuse(file: Path, patch: Object) -> str:
    """Return what gfd says about a pod that it refuses."""
    file.write_text(json.dumps(make_pod(patch)))
    with pytest.raises(DocumentError) as refused:
        read_pods([str(file)])
    return str(refused.value).removeprefix(f"{file}:1: ")


def test_refused(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    rows = [f"{json.dumps(patch)}\n    {refuse(tmp_path / 'pod.json', patch)}\n" for patch in REFUSED]
    goldens.check(request, "match-refused", "".join(rows))


@pytest.mark.parametrize("patch", ACCEPTED)
def test_accepted(tmp_path: Path, patch: Object) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(make_pod(patch)))
    assert len(read_pods([str(file)])) == 1


def test_a_product_name_that_is_too_long(tmp_path: Path) -> None:
    long = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition-MIG-1g.24gb"
    short = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-MIG-1g.24gb"
    expression = {"key": "nvidia.com/mig-1g.24gb.product", "operator": "In", "values": [long]}
    for patch in (
        {"nodeSelector": {"nvidia.com/gpu.product": long}},
        required(matchExpressions=[expression]),
    ):
        said = refuse(tmp_path / "pod.json", patch)
        assert said.endswith(f"the value has more than 63 characters; gfd publishes {short}")


def test_a_preference_on_which_the_scheduler_fails(tmp_path: Path) -> None:
    expression = {"key": "nvidia.com/gpu.memory", "operator": "Gt", "values": ["40Gi"]}
    term = {"weight": 1, "preference": {"matchExpressions": [expression]}}
    patch = affinity(preferredDuringSchedulingIgnoredDuringExecution=[term])
    assert refuse(tmp_path / "pod.json", patch) == (
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference"
        ".matchExpressions[0].values[0]: '40Gi' is not a whole number; kube-scheduler fails on it if"
        " two nodes fit; write a whole number"
    )
