"""What a RuntimeClass changes about a pod."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.clusterview.runtime_classes import RuntimeClass, read_runtime_class
from gfd.errors import DocumentError
from gfd.tools.match.podspec.scheduling import SchedulingSpec
from gfd.tools.match.runtime_classes import apply_runtime_classes
from tests.tools.match.reading import GPU, read

KATA = read_runtime_class(
    {
        "metadata": {"name": "kata"},
        "overhead": {"podFixed": {"cpu": "250m", "memory": "120Mi"}},
        "scheduling": {
            "nodeSelector": {"kata": "yes"},
            "tolerations": [{"key": "kata", "operator": "Exists", "effect": "NoSchedule"}],
        },
    }
)
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  runtimeClassName: kata
  containers: [{name: c, image: i, resources: {limits: {nvidia.com/gpu: 1, cpu: 1}}}]
"""


def change(file: Path, classes: list[RuntimeClass] | None, more: str = "") -> SchedulingSpec:
    (pod,) = apply_runtime_classes(read(file, POD + more), classes)
    return pod.spec


def test_a_class_adds_to_the_pod(file: Path) -> None:
    spec = change(file, [KATA])
    assert spec.requests == {GPU: 1, "cpu": 1250, "memory": 120 << 20}
    assert [str(each) for each in spec.node_selector] == ["kata=yes"]
    assert spec.tolerations[-1].key == "kata"
    assert spec.unjudged == ()


def test_a_pod_of_the_cluster_has_it_already(file: Path) -> None:
    spec = change(file, [KATA], "  overhead: {cpu: 250m, memory: 120Mi}\n  nodeSelector: {kata: 'yes'}\n")
    assert spec.requests == {GPU: 1, "cpu": 1250, "memory": 120 << 20}
    assert [str(each) for each in spec.node_selector] == ["kata=yes"]


def test_a_class_without_anything(file: Path) -> None:
    assert change(file, [RuntimeClass(name="kata")]).requests == {GPU: 1, "cpu": 1000}


def test_unknown_classes(file: Path) -> None:
    assert change(file, None).unjudged == (
        "runtimeClassName: only the cluster knows which overhead, nodeSelector and tolerations kata adds",
    )


def test_a_class_that_the_cluster_lacks(file: Path) -> None:
    with pytest.raises(DocumentError) as refused:
        change(file, [RuntimeClass(name="nvidia")])
    assert str(refused.value).replace(str(file), "FILE") == (
        "FILE:5: runtimeClassName: the cluster has no RuntimeClass kata; known are nvidia"
    )
