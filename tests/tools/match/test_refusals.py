"""gfd refuses what the API server refuses, in its words; tests/cluster/test_match.py asks the server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gfd.errors import DocumentError
from gfd.tools.match.podfiles import read_files
from tests.tools.match.refusals import ACCEPTED, REFUSALS, Object, make_pod


@pytest.mark.parametrize(("patch", "said"), REFUSALS)
def test_refused(tmp_path: Path, patch: Object, said: str) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(make_pod(patch)))
    with pytest.raises(DocumentError) as refused:
        read_files([str(file)])
    assert refused.value.reason.startswith(f"Kubernetes would refuse it: {said}")
    assert refused.value.reason.removeprefix(f"Kubernetes would refuse it: {said}")[:1] in ("", ";", ",")


def test_what_gfd_publishes_for_a_product_that_is_too_long(tmp_path: Path) -> None:
    long = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition-MIG-1g.24gb"
    file = tmp_path / "pod.json"
    short = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-MIG-1g.24gb"
    expression = {"key": "nvidia.com/mig-1g.24gb.product", "operator": "In", "values": [long]}
    terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
    required = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    for patch in ({"nodeSelector": {"nvidia.com/gpu.product": long}}, {"affinity": required}):
        file.write_text(json.dumps(make_pod(patch)))
        with pytest.raises(DocumentError) as refused:
            read_files([str(file)])
        assert refused.value.reason.endswith(f"must be no more than 63 bytes; gfd publishes {short}")


@pytest.mark.parametrize("patch", ACCEPTED)
def test_accepted(tmp_path: Path, patch: Object) -> None:
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(make_pod(patch)))
    assert len(read_files([str(file)])) == 1
