"""The TrainJob of Kubeflow Trainer (trainer.kubeflow.org/v1alpha1, releases 2.0 to 2.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import compose
from gfd.tools.match.workloads.counts import count_at, start_all_together
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader

_NODE = "node"
"""The replicated job of a runtime that trains."""


def _compose_trainer(spec: Value) -> Value:
    trainer = spec.field("trainer")
    pod = compose(trainer, containers=[compose(trainer, resources=trainer.member("resourcesPerNode"))])
    for patch in _find_patches(spec):
        parts = {name: part for name, part in patch.mapping().items() if name != "containers"}
        pod = compose(pod, pod, **parts)
    return pod


def _find_patches(spec: Value) -> Iterator[Value]:
    """Yield the parts of a PodSpec that the job adds to the runtime's training pods."""
    for override in read_items(spec, "podSpecOverrides"):  # release 2.0
        if _is_for_training(override):
            yield override
    for override in read_items(spec, "podTemplateOverrides"):  # release 2.1
        if _is_for_training(override) and (found := override.member("spec")):
            yield found
    for patch in read_items(spec, "runtimePatches"):  # from release 2.2 on
        jobs = read_items(patch, "trainingRuntimeSpec", "template", "spec", "replicatedJobs")
        for job in jobs:
            found = find(job, "template", "spec", "template", "spec")
            if found and read_text(job, "name") == _NODE:
                yield found


def _is_for_training(override: Value) -> bool:
    return any(read_text(job, "name") == _NODE for job in read_items(override, "targetJobs"))


def _list_unjudged(spec: Value) -> Iterator[str]:
    name = read_text(spec, "runtimeRef", "name")
    added = "requests, node selectors, tolerations and further pods"
    yield f"runtimeRef: the runtime {name} may add {added}; match its file as well"


_TRAIN_JOB = Kind(
    PodSet(
        spec=_compose_trainer,
        title="trainer",
        count=count_at("trainer", "numNodes"),
        unjudged=_list_unjudged,
    ),
    minimum=start_all_together,
)

_RUNTIME = Kind(
    PodSet(
        owner="spec.template.spec.replicatedJobs[]",
        spec="template.spec.template.spec",
        title="replicatedJob",
        is_alone=True,
    )
)

KINDS: Mapping[tuple[str, str], Reader] = {
    ("trainer.kubeflow.org", "TrainJob"): _TRAIN_JOB.read,
    ("trainer.kubeflow.org", "TrainingRuntime"): _RUNTIME.read,
    ("trainer.kubeflow.org", "ClusterTrainingRuntime"): _RUNTIME.read,
}
