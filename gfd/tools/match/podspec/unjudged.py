"""Find what decides where a pod runs but cannot be compared with nodes, and say why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.text import join_words
from gfd.tools.match.podspec.fields import find, read_items, read_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.documents.value import Value
    from gfd.labels.syntax import Labels

DEFAULT_SCHEDULER = "default-scheduler"
_LIMITED_VOLUMES = (
    "awsElasticBlockStore", "azureDisk", "cinder", "gcePersistentDisk", "portworxVolume", "vsphereVolume",
)  # fmt: skip
"""Volumes of drivers that attach only so many of them to a node."""
_EXCLUSIVE_VOLUMES = ("iscsi", "rbd")
"""Volumes that two pods on a node cannot always use."""
_GROUP_LABELS = ("scheduling.x-k8s.io/pod-group", "pod-group.scheduling.sigs.k8s.io")
"""Labels that name the group with which a pod starts, for the scheduler plugin Coscheduling."""


def find_unjudged(spec: Value) -> tuple[str, ...]:
    """Return the fields of a PodSpec that cannot be judged, each with the reason. Raises DocumentError."""
    found = [*_find_volumes(spec)]
    if not read_text(spec, "nodeName"):  # the scheduler does not see a pod that names its node
        found += [*_find_gates(spec), *_find_schedulers(spec), *_find_groups(spec), *_find_features(spec)]
    return tuple(found)


def find_unjudged_labels(labels: Labels) -> tuple[str, ...]:
    """Return the labels of a pod that cannot be judged, each with the reason."""
    return tuple(
        f"{key}: the pods of the group {labels[key]} start together, or none starts"
        for key in _GROUP_LABELS
        if labels.get(key)
    )


def _find_volumes(spec: Value) -> Iterator[str]:
    for volume in read_items(spec, "volumes"):
        name = read_text(volume, "name")
        if claim := volume.member("persistentVolumeClaim"):
            asked = f"the PersistentVolumeClaim {read_text(claim, 'claimName')}"
            yield f"volumes: {asked} may be bound to a volume that only some nodes reach"
        elif volume.member("ephemeral"):
            yield f"volumes: {name} (ephemeral) may get a volume that only some nodes reach"
        else:
            yield from (
                f"volumes: a node may have no room to attach {name} ({kind})"
                for kind in _LIMITED_VOLUMES
                if volume.member(kind)
            )
            yield from (
                f"volumes: another pod on the node may use {name} ({kind})"
                for kind in _EXCLUSIVE_VOLUMES
                if volume.member(kind)
            )


def _find_gates(spec: Value) -> Iterator[str]:
    names = [read_text(each, "name") for each in read_items(spec, "schedulingGates")]
    if names:
        verb = "is" if len(names) == 1 else "are"
        yield f"schedulingGates: the pod is not scheduled before {join_words(names, 'and')} {verb} removed"


def _find_schedulers(spec: Value) -> Iterator[str]:
    name = read_text(spec, "schedulerName") or DEFAULT_SCHEDULER
    if name != DEFAULT_SCHEDULER:
        yield f"schedulerName: {name} places the pod, and may follow other rules than kube-scheduler"


def _find_groups(spec: Value) -> Iterator[str]:
    for field, member in (("schedulingGroup", "podGroupName"), ("workloadRef", "podGroup")):
        if group := spec.member(field):
            name = read_text(group, member)
            yield f"{field}: the pods of the group {name} start together, or none starts"


def _find_features(spec: Value) -> Iterator[str]:
    """Yield the fields that only nodes with a certain feature of the kubelet can run."""
    users, network = (spec.member(name) for name in ("hostUsers", "hostNetwork"))
    if users and users.content is False and network and network.content is True:
        yield "hostUsers: false with hostNetwork needs a node whose kubelet declares this feature"
    for container in (*read_items(spec, "containers"), *read_items(spec, "initContainers")):
        name = read_text(container, "name")
        actions = [read_text(rule, "action") for rule in read_items(container, "restartPolicyRules")]
        if "RestartAllContainers" in actions:
            yield (
                f"restartPolicyRules: RestartAllContainers of {name} needs a node whose kubelet declares"
                " this feature"
            )
        if any(find(mount, "bindMountOptions") for mount in read_items(container, "volumeMounts")):
            yield f"bindMountOptions: those of {name} need a node whose kubelet declares this feature"
