"""The kinds of Kubeflow's training operator, MPI operator, KubeRay and Volcano.

Field paths follow the resource definitions of kubeflow/training-operator 1.8, kubeflow/mpi-operator,
ray-project/kuberay (ray.io/v1) and volcano-sh/apis.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items
from gfd.tools.match.workloads.composition import compose, move
from gfd.tools.match.workloads.counts import count_at, count_worker_group, read_number
from gfd.tools.match.workloads.kind import Kind, PodSet, walk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader

_RAY_PATHS = {"RayCluster": "spec", "RayJob": "spec.rayClusterSpec", "RayService": "spec.rayClusterConfig"}


def _make_training_job(field: str) -> Kind:
    """Return a job of Kubeflow whose replica specs are under ``field``."""

    def count_minimum(job: Value) -> int:
        fewest = find(job, "spec", "runPolicy", "schedulingPolicy", "minAvailable")
        if fewest is not None:
            return fewest.integer()
        elastic = find(job, "spec", "elasticPolicy", "minReplicas")
        if elastic is None:
            return 0
        replicas = walk(job, ("spec", field)).mapping()
        others = [read_number(spec, "replicas") for role, spec in replicas.items() if role != "Worker"]
        return elastic.integer() + sum(others)

    return Kind(PodSet(owner=f"spec.{field}.*", count=count_at("replicas")), minimum=count_minimum)


def _make_ray_cluster(kind: str) -> Kind:
    """Return a kind that starts a Ray cluster."""
    path = _RAY_PATHS[kind]

    def count_minimum(value: Value) -> int:
        cluster = walk(value, tuple(path.split(".")))
        scaling = cluster.member("enableInTreeAutoscaling")
        if scaling is None or not scaling.content:
            return 0
        groups = read_items(cluster, "workerGroupSpecs")
        return 1 + sum(
            read_number(group, "minReplicas", default=0) * read_number(group, "numOfHosts")
            for group in groups
        )

    return Kind(
        PodSet(owner=f"{path}.headGroupSpec", title="head"),
        PodSet(
            owner=f"{path}.workerGroupSpecs[]?",
            title="worker group",
            name="groupName",
            count=count_worker_group,
        ),
        minimum=count_minimum,
    )


_SUBMITTER = Kind(PodSet(owner="spec.submitterPodTemplate?", spec="spec", title="submitter"))
"""The pod that submits the job of a RayJob, after its cluster has started."""


def _compose_task(task: Value) -> Value:
    """Return the PodSpec of a task of Volcano, which schedules it itself unless the job says otherwise."""
    spec = walk(task, ("template", "spec"))
    name = spec.member("schedulerName") or move(task.field("name"), "volcano")
    return compose(spec, spec, schedulerName=name)


def _count_volcano_minimum(job: Value) -> int:
    """Return the number of pods that Volcano starts together. Raises DocumentError if there are fewer."""
    tasks = read_items(job, "spec", "tasks")
    total = sum(read_number(task, "replicas", default=0) for task in tasks)
    fewest = find(job, "spec", "minAvailable")
    if fewest is None or not fewest.content:
        return sum(
            read_number(task, "minAvailable", default=read_number(task, "replicas", default=0))
            for task in tasks
        )
    if fewest.integer() > total:
        raise fewest.error(
            f"is more than the number of pods of all tasks, {total}, so the job never starts; lower it"
        )
    return fewest.integer()


_VOLCANO_JOB = Kind(
    PodSet(owner="spec.tasks[]", spec=_compose_task, title="task", count=count_at("replicas", default=0)),
    minimum=_count_volcano_minimum,
)

KINDS: Mapping[tuple[str, str], Reader] = {
    ("kubeflow.org", "MPIJob"): _make_training_job("mpiReplicaSpecs").read,
    ("kubeflow.org", "PyTorchJob"): _make_training_job("pytorchReplicaSpecs").read,
    ("kubeflow.org", "TFJob"): _make_training_job("tfReplicaSpecs").read,
    ("kubeflow.org", "XGBoostJob"): _make_training_job("xgbReplicaSpecs").read,
    ("kubeflow.org", "JAXJob"): _make_training_job("jaxReplicaSpecs").read,
    ("kubeflow.org", "PaddleJob"): _make_training_job("paddleReplicaSpecs").read,
    ("ray.io", "RayCluster"): _make_ray_cluster("RayCluster").read,
    ("ray.io", "RayService"): _make_ray_cluster("RayService").read,
    ("ray.io", "RayJob"): lambda job: [*_make_ray_cluster("RayJob").read(job), *_SUBMITTER.read(job)],
    ("batch.volcano.sh", "Job"): _VOLCANO_JOB.read,
}
