"""Load the nodes of a cluster from the API server, with the requests of their pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from gfd.clusterview.bound_pods import add_pods, read_bound_pod
from gfd.clusterview.dra import api as dra_api
from gfd.clusterview.dra.index import index_objects
from gfd.clusterview.dra.node_devices import add_devices
from gfd.clusterview.fields import read_field
from gfd.clusterview.gpus import has_gpus
from gfd.clusterview.json_fields import BoundPodPage, NodePage, PodPage
from gfd.clusterview.listing import FORBIDDEN, convert_item, list_objects
from gfd.clusterview.nodes import read_node, read_whole_node
from gfd.clusterview.pods import add_requests, read_pod_request
from gfd.clusterview.priority_classes import read_priority_class
from gfd.clusterview.progress import progress
from gfd.clusterview.runtime_classes import read_runtime_class
from gfd.errors import ApiError
from gfd.kube.client import Api, share
from gfd.kube.objects import ITEM, list_of
from gfd.kube.paths import DRA_DRIVER, NAMESPACES, NODES, PODS, PRIORITY_CLASSES, RUNTIME_CLASSES
from gfd.text import print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.clusterview.pods import PodRequest
    from gfd.clusterview.priority_classes import PriorityClass
    from gfd.clusterview.runtime_classes import RuntimeClass
    from gfd.config.model import LoadedConfig
    from gfd.kube.selectors import LabelSelector
    from gfd.labels.syntax import Labels

T = TypeVar("T")

ON_NODES = {"fieldSelector": "spec.nodeName!=,status.phase!=Succeeded,status.phase!=Failed"}
"""Selects the pods that have a node and have not ended."""
PODS_PER_REQUEST = 30
"""How many pods a list reads in the time that the request for the pods of one node takes."""


def connect(loaded: LoadedConfig) -> Api:
    """Return a client with kubectl's rate limits, because a person waits, unless options set the limits."""
    limits = ("kube_api_qps", "kube_api_burst")
    if any(each.origin != "default" for each in loaded.options if each.option.field in limits):
        return share(loaded.config)
    return Api(loaded.config.kubeconfig, loaded.config.context, qps=50, burst=300)


def read_nodes(api: Api, selector: LabelSelector | None = None, *, has_slices: bool = False) -> list[Node]:
    """Return the nodes that match ``selector``, sorted by name, with the requests of their pods.

    With ``has_slices``, they also have the devices of NVIDIA's DRA driver. Without permission to list pods
    or ResourceSlices, the nodes are returned without these. Raises ApiError.
    """
    nodes = _read_nodes_with_requests(api, selector)
    if not has_slices:
        return nodes
    found = dra_api.read_objects(api, DRA_DRIVER)
    for warning in found.warnings:
        print_error(f"warning: {warning}")
    return add_devices(nodes, index_objects(DRA_DRIVER, found.slices, found.claims))


def _read_nodes_with_requests(api: Api, selector: LabelSelector | None) -> list[Node]:
    query = {"labelSelector": selector.text} if selector else {}
    nodes, _ = list_objects(api, NODES, read_node, query=query, what="nodes", fields=NodePage)
    try:
        requests = read_pod_requests(api, [node.name for node in nodes if has_gpus(node)])
    except ApiError as error:
        if error.status != FORBIDDEN:
            raise
        return add_requests(nodes, None)
    return add_requests(nodes, requests)


def read_nodes_and_pods(api: Api) -> list[Node]:
    """Return all nodes, sorted by name, with every resource and with their pods.

    Without permission to list pods, the nodes are returned without them. Raises ApiError.
    """
    nodes, _ = list_objects(api, NODES, read_whole_node, what="nodes", fields=NodePage)
    pods = _list_permitted(api, PODS, read_bound_pod, "pods", query=ON_NODES, fields=BoundPodPage)
    return add_pods(nodes, pods)


def read_namespaces(api: Api) -> dict[str, Labels] | None:
    """Return the labels of all namespaces, by name; None without permission to list them. Raises ApiError."""
    found = _list_permitted(api, NAMESPACES, _read_namespace, "namespaces")
    return None if found is None else dict(found)


def read_priority_classes(api: Api) -> list[PriorityClass] | None:
    """Return all PriorityClasses; None without permission to list them. Raises ApiError."""
    return _list_permitted(api, PRIORITY_CLASSES, read_priority_class, "priorityclasses")


def read_runtime_classes(api: Api) -> list[RuntimeClass] | None:
    """Return all RuntimeClasses; None without permission to list them. Raises ApiError."""
    return _list_permitted(api, RUNTIME_CLASSES, read_runtime_class, "runtimeclasses")


def _list_permitted(
    api: Api,
    path: str,
    convert: Callable[[Mapping[str, Any]], T],
    what: str,
    *,
    query: Mapping[str, str] | None = None,
    fields: Any = None,
) -> list[T] | None:
    """Return the objects of a collection; None without permission to list them. Raises ApiError."""
    try:
        return list_objects(api, path, convert, query=query, what=what, fields=fields)[0]
    except ApiError as error:
        if error.status != FORBIDDEN:
            raise
        return None


def _read_namespace(item: Mapping[str, Any]) -> tuple[str, Labels]:
    return read_field(item, "metadata.name", str), read_field(item, "metadata.labels", dict)


def read_pod_requests(api: Api, nodes: Sequence[str]) -> list[PodRequest]:
    """Return the requests of the pods on ``nodes``, and perhaps on other nodes. Raises ApiError.

    Most pods request no GPU, and the API server cannot select those that do. So this reads the pods of each
    node if the nodes are few, and all pods of the cluster if they are many.
    """
    page = api.request("GET", PODS, query={"limit": "1"}, schema=list_of(ITEM))
    pods = len(page.get("items") or ()) + (page["metadata"].get("remainingItemCount") or 0)
    if pods <= len(nodes) * PODS_PER_REQUEST:
        return list_objects(api, PODS, read_pod_request, query=ON_NODES, what="pods", fields=PodPage)[0]
    found: list[PodRequest] = []
    with progress("pods of nodes") as draw:
        for done, name in enumerate(nodes, 1):
            # For version 0, the server answers from its cache, which has an index by node; etcd has none.
            query = {"fieldSelector": f"spec.nodeName={name}", "resourceVersion": "0"}
            for page in api.pages(PODS, query=query, fields=PodPage):
                found += (convert_item(read_pod_request, item, "pods") for item in page["items"])
            draw(done, len(nodes))
    return found
