"""The fields of Nodes and Pods that :mod:`gfd.clusterview` reads.

:func:`gfd.documents.json_decoder.decode` skips all other fields, so that the table of a large cluster is
there at once. A field that a reader needs must be here, too: tests/clusterview/test_json_fields.py compares
the results. ``Any`` leaves it to the reader to check the type of a value.
"""

from __future__ import annotations

from typing import Any, TypedDict


class PodMetadata(TypedDict, total=False):
    """The metadata of a Pod; its labels and managed fields are large, and not needed."""

    name: Any
    namespace: Any
    uid: Any
    resourceVersion: Any
    creationTimestamp: Any


class NodeMetadata(PodMetadata, total=False):
    """The metadata of a Node."""

    labels: Any
    managedFields: Any


# A class cannot have the field "continue", which is a keyword of Python.
PageMetadata = TypedDict(
    "PageMetadata", {"resourceVersion": Any, "remainingItemCount": Any, "continue": Any}, total=False
)
"""The metadata of a page of a list."""


class NodeSpec(TypedDict, total=False):
    """The spec of a Node."""

    taints: Any
    unschedulable: Any


class NodeStatus(TypedDict, total=False):
    """The status of a Node, without the names of its images."""

    allocatable: Any
    capacity: Any
    conditions: Any


class NodeObject(TypedDict, total=False):
    """A Node."""

    kind: Any
    metadata: NodeMetadata | None
    spec: NodeSpec | None
    status: NodeStatus | None


class Container(TypedDict, total=False):
    """A container, without its environment and volumes."""

    restartPolicy: Any
    resources: Any


class PodAmounts(TypedDict, total=False):
    """The fields of the spec of a Pod that say what it requests beside its containers."""

    nodeName: Any
    overhead: Any
    resources: Any


class PodSpec(PodAmounts, total=False):
    """The spec of a Pod."""

    initContainers: list[Container] | None
    containers: list[Container] | None


class PodStatus(TypedDict, total=False):
    """The status of a Pod."""

    phase: Any
    startTime: Any


class PodObject(TypedDict, total=False):
    """A Pod."""

    kind: Any
    metadata: PodMetadata | None
    spec: PodSpec | None
    status: PodStatus | None


class BoundPodMetadata(PodMetadata, total=False):
    """The metadata of a Pod that ``gfd match`` reads."""

    labels: Any
    deletionTimestamp: Any


class BoundContainer(Container, total=False):
    """A container of a Pod that ``gfd match`` reads."""

    name: Any
    ports: Any


class BoundPodSpec(PodAmounts, total=False):
    """The spec of a Pod that ``gfd match`` reads."""

    priority: Any
    priorityClassName: Any
    preemptionPolicy: Any
    hostNetwork: Any
    affinity: Any
    initContainers: list[BoundContainer] | None
    containers: list[BoundContainer] | None


class ContainerStatus(TypedDict, total=False):
    """The status of a container, with the resources that the kubelet has given to it."""

    name: Any
    resources: Any
    allocatedResources: Any


class BoundPodStatus(PodStatus, total=False):
    """The status of a Pod that ``gfd match`` reads."""

    conditions: Any
    resources: Any
    allocatedResources: Any
    containerStatuses: list[ContainerStatus] | None
    initContainerStatuses: list[ContainerStatus] | None


class BoundPodObject(TypedDict, total=False):
    """A Pod that ``gfd match`` reads."""

    kind: Any
    metadata: BoundPodMetadata | None
    spec: BoundPodSpec | None
    status: BoundPodStatus | None


class BoundPodDocument(BoundPodObject, total=False):
    """A Pod or a List of Pods for ``gfd match``, in a file."""

    items: list[BoundPodObject] | None


class BoundPodPage(TypedDict, total=False):
    """A page of a list of Pods for ``gfd match`` from the API server."""

    metadata: PageMetadata
    items: list[BoundPodObject] | None


class NodeDocument(NodeObject, total=False):
    """A Node or a List of Nodes, in a file."""

    items: list[NodeObject] | None


class PodDocument(PodObject, total=False):
    """A Pod or a List of Pods, in a file."""

    items: list[PodObject] | None


class NodePage(TypedDict, total=False):
    """A page of a list of Nodes from the API server."""

    metadata: PageMetadata
    items: list[NodeObject] | None


class PodPage(TypedDict, total=False):
    """A page of a list of Pods from the API server."""

    metadata: PageMetadata
    items: list[PodObject] | None
