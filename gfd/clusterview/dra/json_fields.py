"""The fields of ResourceSlices and ResourceClaims that gfd reads; see :mod:`gfd.clusterview.json_fields`."""

from __future__ import annotations

from typing import Any, TypedDict

from gfd.clusterview.json_fields import NodeMetadata, NodeSpec, NodeStatus, PageMetadata, PodMetadata


class SliceSpec(TypedDict, total=False):
    """The spec of a ResourceSlice."""

    driver: Any
    pool: Any
    nodeName: Any
    nodeSelector: Any
    allNodes: Any
    perDeviceNodeSelection: Any
    devices: Any
    sharedCounters: Any


class SliceObject(TypedDict, total=False):
    """A ResourceSlice."""

    apiVersion: Any
    kind: Any
    metadata: PodMetadata | None
    spec: SliceSpec | None


class ClaimStatus(TypedDict, total=False):
    """The status of a ResourceClaim."""

    allocation: Any
    reservedFor: Any


class ClaimObject(TypedDict, total=False):
    """A ResourceClaim."""

    apiVersion: Any
    kind: Any
    metadata: PodMetadata | None
    status: ClaimStatus | None


class SlicePage(TypedDict, total=False):
    """A page of a list of ResourceSlices from the API server."""

    metadata: PageMetadata
    items: list[SliceObject] | None


class ClaimPage(TypedDict, total=False):
    """A page of a list of ResourceClaims from the API server."""

    metadata: PageMetadata
    items: list[ClaimObject] | None


class ClusterSpec(NodeSpec, SliceSpec, total=False):
    """The spec of a Node or a ResourceSlice."""


class ClusterStatus(NodeStatus, ClaimStatus, total=False):
    """The status of a Node or a ResourceClaim."""


class ClusterObject(TypedDict, total=False):
    """A Node, a ResourceSlice or a ResourceClaim."""

    apiVersion: Any
    kind: Any
    metadata: NodeMetadata | None
    spec: ClusterSpec | None
    status: ClusterStatus | None


class ClusterDocument(ClusterObject, total=False):
    """A Node, a ResourceSlice, a ResourceClaim or a List of these, in a file."""

    items: list[ClusterObject] | None


class MatchMetadata(NodeMetadata, TypedDict, total=False):
    """The metadata of a Node or of an object of resource.k8s.io."""

    deletionTimestamp: Any


class MatchObject(TypedDict, total=False):
    """A Node, or an object of resource.k8s.io with its whole spec."""

    apiVersion: Any
    kind: Any
    metadata: MatchMetadata | None
    spec: Any
    status: ClusterStatus | None


class MatchDocument(MatchObject, total=False):
    """Such an object or a List of these, in a file for ``gfd match``."""

    items: list[MatchObject] | None
