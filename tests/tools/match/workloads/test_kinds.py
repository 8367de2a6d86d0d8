"""The pods of real kinds, read from small manifests of our own: numbers, gangs, requests and lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gfd.errors import GfdError
from gfd.tools.match.manifests.pods import Pod
from gfd.tools.match.podspec.tolerations import add_default_tolerations
from tests.tools import goldens
from tests.tools.match.reading import read_pods

MANIFESTS = Path(__file__).parent / "manifests"
KINDS = sorted(path.stem for path in MANIFESTS.glob("*.yaml"))


OF_POD_SPECS = ("runtimeClassName", "schedulerName", "volumes")
"""Unjudged fields of every PodSpec; other tests have their texts."""


def describe(pod: Pod) -> Iterator[str]:
    """Yield the lines of the golden file about a pod."""
    spec = pod.spec
    yield f"{pod.line}: {pod.title}\n"
    amounts = ", ".join(f"{count} {name} (line {spec.lines[name]})" for name, count in spec.requests.items())
    yield f"    {pod.copies} pods with {amounts or 'no requests'}\n"
    if pod.gang:
        yield f"    gang {pod.gang}, minimum {pod.minimum}\n"
    if pod.is_alone:
        yield "    alone\n"
    yield from (f"    {each} (line {each.line})\n" for each in spec.requirements())
    added = add_default_tolerations(())
    yield from (f"    tolerates {each.key}\n" for each in spec.tolerations if each not in added)
    yield from (f"    claim {each.name}\n" for each in spec.claims)
    yield from (f"    label {key}={value}\n" for key, value in pod.spec.labels.items())
    for text in spec.unjudged:
        field, _, why = text.partition(": ")
        yield f"    unjudged {field}" + ("\n" if field in OF_POD_SPECS else f": {why}\n")
    yield from (f"    note {text}\n" for text in pod.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(request: pytest.FixtureRequest, kind: str) -> None:
    pods = read_pods([str(MANIFESTS / f"{kind}.yaml")])
    goldens.check(request, f"match-kinds/{kind}", "".join(line for pod in pods for line in describe(pod)))


BROKEN = [
    ("deployment", "replicas: 3", "replicas: three"),
    ("deployment", "replicas: 3", "replicas: -1"),
    ("deployment", "template:", "tmplate:"),
    ("job", "parallelism: 4", "parallelism: '4'"),
    ("job", "jobTemplate:", "jobtemplate:"),
    ("jobset", "replicatedJobs:", "replicatedjobs:"),
    ("jobset", "replicas: 2", "replicas: 1.5"),
    ("leaderworkerset", "size: 3", "size: 0"),
    ("leaderworkerset", "workerTemplate:", "worker:"),
    ("kubeflow", "pytorchReplicaSpecs:", "nodeSelector: {a: b}\n  pytorchReplicaSpecs:"),
    ("kubeflow", "mpiReplicaSpecs:", "replicaSpecs:"),
    ("ray", "headGroupSpec:", "headGroup:"),
    ("ray", "replicas: 2", "replicas: ${WORKERS}"),
    ("ray", "workerGroupSpecs:\n  -", "workerGroupSpecs:\n   "),
    ("volcano", "minAvailable: 2\n  tasks", "minAvailable: 5\n  tasks"),
    (
        "volcano",
        "replicas: 4\n    template:\n      spec:\n        schedulerName",
        "replicas: 1\n    template:\n      spec:\n        schedulerName",
    ),
    ("volcano", "tasks:", "task:"),
    ("trainjob", "nvidia.com/gpu: 8", "nvidia.com/gpu: 0.5"),
    ("trainjob", "numNodes: 4", "numNodes: auto"),
    ("spark", "memory: 16g", "memory: 16Gi"),
    ("spark", "quantity: 2", "quantity: half"),
    ("spark", "{pool: gpu}", "{pool: g pu}"),
    ("kserve", "nvidia.com/gpu: 1\n    containers", "nvidia.com/gpu: one\n    containers"),
    ("kserve", "predictor:", "predictors:"),
    ("kserve", "pipelineParallelSize: 3", "pipelineParallelSize: 0"),
    ("nim", "nvidia.com/gpu: 2", "nvidia.com/gpu: -2"),
    ("nim", "{nvidia.com/gpu.family: hopper}", "{nvidia.com/gpu.family: 9}"),
    ("dynamo", "services:", "service:"),
    ("dynamo", 'gpu: "8"', 'gpu: "8 of 8"'),
    ("dynamo", "replicas: 3", "replicas: []"),
    ("kubevirt", "GA102GL_A10}", "GA102GL A10}"),
    ("kubevirt", "replicas: 2", "replicas: two"),
    ("tekton", 'value: "2"', "value: two"),
    ("tekton", "$(params.memory)}", "$(params.memory), nvidia.com/mig-1g.5gb: $(params.memory)}"),
    (
        "tekton",
        "steps: [{name: train, image: example.com/train}]",
        "steps: [{name: train, image: example.com/train}, {name: test, image: example.com/test}]",
    ),
    ("vllm", 'gpu: "1"}\n    nodeSelectorTerms', "gpu: many}\n    nodeSelectorTerms"),
    ("vllm", "operator: In", "operator: in"),
    ("slurm", "nvidia.com/gpu: 8\n  logfile", "gpu: 8\n  logfile"),
    ("kaito", "count: 2\n  instanceType", "count: two\n  instanceType"),
    ("argo", "parallelism: 2", "parallelism: two"),
]
"""Kinds, a part of their manifest, and what takes its place."""


def test_broken_kinds(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    file = tmp_path / "broken.yaml"
    rows = []
    for kind, old, new in BROKEN:
        text = (MANIFESTS / f"{kind}.yaml").read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))
        with pytest.raises(GfdError) as refused:
            read_pods([str(file)])
        message = str(refused.value).replace(str(file), "FILE")
        rows.append(f"{kind}: {old!r} → {new!r}\n    {message}\n")
    goldens.check(request, "match-kinds/broken", "".join(rows))
