"""Read the objects that the checks need from the API server, each once. Create and change nothing.

The reviews of gfd's identity and of gfd's permissions are POST requests, because the API has no other way.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, GfdError
from gfd.kube.client import METADATA, share
from gfd.kube.nfd import API_VERSION, NODE_LABEL
from gfd.kube.objects import ACCESS, IDENTITY, NODE_FEATURE, OBJECT, POD, RESOURCES, VERSION
from gfd.kube.paths import NODES, PODS
from gfd.tools.doctor.outcome import catch_error

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.config.model import Config

_REVIEW_RESOURCE = ("authentication.k8s.io/v1", "selfsubjectreviews")
_REVIEWS = "/apis/" + "/".join(_REVIEW_RESOURCE)
_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_EXTRA = "authentication.kubernetes.io/"
_WORKER_VERSION = "nfd.node.kubernetes.io/worker.version"
_NO_NODE_NAME = "the node name is unknown; set NODE_NAME (in a pod, from spec.nodeName)"
SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The user that the API server sees."""

    name: str
    node: str | None = None
    """The node of the pod to which the token is bound."""
    pod: str | None = None

    @property
    def is_service_account(self) -> bool:
        """Whether the user is a service account."""
        return self.name.startswith(SERVICE_ACCOUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """A request that gfd must be allowed to make."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'/{self.subresource}' if self.subresource else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFeature:
    """A NodeFeature object of the node."""

    name: str
    """``namespace/name``."""
    labels: Mapping[str, str]
    owners: tuple[str, ...]
    """The kinds of its owners."""
    worker_version: str | None
    """The version of the nfd-worker that wrote it; None if another program did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NfdContainer:
    """A container that runs a program of NFD."""

    pod: str
    image: str
    is_ready: bool


class Cluster:
    """A cluster whose API server answers."""

    def __init__(self, config: Config) -> None:
        """Read the server's version. Raises ApiError if it does not answer."""
        self.api = share(config)
        self.config = config
        self.version = str(self.api.request("GET", "/version", schema=VERSION)["gitVersion"])

    def measure_clock(self) -> float:
        """Return how many seconds this machine's clock is ahead of the server's. Raises ApiError."""
        before_s = time.time()
        server_s = self.api.date() + 0.5  # the header Date has whole seconds
        return (before_s + time.time()) / 2 - server_s

    @cached_property
    def identity(self) -> Identity | GfdError:
        """The user of gfd's credentials."""

        def read() -> Identity:
            try:
                review = self.api.request("POST", _REVIEWS, {}, schema=IDENTITY)
            except ApiError as error:
                if error.status in (403, 404) and not self.has_resource(*_REVIEW_RESOURCE):
                    reason = f"Kubernetes {self.version} cannot say it (1.28 and later can)"
                    raise GfdError(reason) from error
                raise
            user = review["status"]["userInfo"]
            extra = {key: values[0] for key, values in (user.get("extra") or {}).items() if values}
            return Identity(
                name=str(user.get("username")),
                node=extra.get(f"{_EXTRA}node-name"),
                pod=extra.get(f"{_EXTRA}pod-name"),
            )

        return catch_error(read)

    def is_allowed(self, right: Permission) -> bool:
        """Return whether the API server allows the request. Raises ApiError."""
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
            "subresource": right.subresource,
            "namespace": right.namespace,
            "name": right.name,
        }
        body = {"spec": {"resourceAttributes": attributes}}
        answer = self.api.request("POST", _ACCESS, body, schema=ACCESS)
        return bool(answer["status"].get("allowed"))

    @cached_property
    def node(self) -> Mapping[str, Any] | GfdError:
        """The metadata of the Node."""
        name = self.config.node_name
        if not name:
            return GfdError(_NO_NODE_NAME)
        path = f"{NODES}/{name}"
        return catch_error(lambda: self.api.request("GET", path, accept=METADATA, schema=OBJECT)["metadata"])

    def has_resource(self, group_version: str, resource: str) -> bool:
        """Return whether the API server has a resource. Raises ApiError."""
        try:
            found = self.api.request("GET", f"/apis/{group_version}", schema=RESOURCES)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return any(each["name"] == resource for each in found.get("resources") or ())

    @cached_property
    def node_features(self) -> tuple[NodeFeature, ...] | GfdError:
        """The node's NodeFeatures in all namespaces; without that permission, in gfd's namespace."""
        name = self.config.node_name
        if not name:
            return GfdError(_NO_NODE_NAME)
        found = self._list_node_features(f"/apis/{API_VERSION}/nodefeatures", name)
        if isinstance(found, ApiError) and found.status == 403:
            namespaced = f"/apis/{API_VERSION}/namespaces/{self.config.namespace}/nodefeatures"
            found = self._list_node_features(namespaced, name)
        # Without the CRD of NFD there are no NodeFeatures.
        return () if isinstance(found, ApiError) and found.status == 404 else found

    def _list_node_features(self, collection: str, node: str) -> tuple[NodeFeature, ...] | GfdError:
        query = {"labelSelector": f"{NODE_LABEL}={node}"}

        def read() -> tuple[NodeFeature, ...]:
            return tuple(map(_read_node_feature, self.api.list(collection, query=query, item=NODE_FEATURE)))

        return catch_error(read)

    @cached_property
    def workers(self) -> tuple[NfdContainer, ...] | GfdError:
        """The nfd-workers on the node."""
        if not self.config.node_name:
            return GfdError(_NO_NODE_NAME)
        return self._list_containers(
            "nfd-worker", {"fieldSelector": f"spec.nodeName={self.config.node_name}"}
        )

    @cached_property
    def masters(self) -> tuple[NfdContainer, ...] | GfdError:
        """The nfd-masters that NFD's chart or kustomization installed."""
        by_chart = {"labelSelector": "app.kubernetes.io/name=node-feature-discovery,role=master"}
        return self._list_containers("nfd-master", by_chart) or self._list_containers(
            "nfd-master", {"labelSelector": "app=nfd-master"}
        )

    def _list_containers(self, program: str, query: Mapping[str, str]) -> tuple[NfdContainer, ...] | GfdError:
        def read() -> tuple[NfdContainer, ...]:
            pods = self.api.list(PODS, query=query, item=POD)
            return tuple(found for pod in pods for found in _find_containers(pod, program))

        return catch_error(read)


def _read_node_feature(item: Mapping[str, Any]) -> NodeFeature:
    metadata = item["metadata"]
    return NodeFeature(
        name=f"{metadata['namespace']}/{metadata['name']}",
        labels=item["spec"].get("labels") or {},
        owners=tuple(owner["kind"] for owner in metadata.get("ownerReferences") or ()),
        worker_version=(metadata.get("annotations") or {}).get(_WORKER_VERSION),
    )


def _find_containers(pod: Mapping[str, Any], program: str) -> Iterator[NfdContainer]:
    """Yield the containers of a pod that run ``program``; NFD's image holds all its programs."""
    statuses = {each["name"]: each for each in (pod.get("status") or {}).get("containerStatuses") or ()}
    for container in pod["spec"]["containers"]:
        words = (container["name"], *(container.get("command") or ()), *(container.get("args") or ()))
        if any(word.rpartition("/")[2] == program for word in words):
            yield NfdContainer(
                pod=f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
                image=container["image"],
                is_ready=bool(statuses.get(container["name"], {}).get("ready")),
            )
