"""What the API server tells a doctor. Each thing is asked for once, and nothing is made or changed.

Two kinds of question are asked by POST, since the API has no other way: who am I, and may I.
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
from gfd.kube.paths import NODES
from gfd.tools.doctor.attempt import attempt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.config.model import Config

_REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_ACCESS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_EXTRA = "authentication.kubernetes.io/"
_WORKER_VERSION = "nfd.node.kubernetes.io/worker.version"
SERVICE_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who gfd is to the API server."""

    name: str
    node: str | None = None
    """The node of the pod that the token is bound to."""
    pod: str | None = None

    @property
    def is_service_account(self) -> bool:
        """Whether a policy about service accounts can be about this one."""
        return self.name.startswith(SERVICE_ACCOUNT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that gfd must be allowed to do."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A NodeFeature object of the node."""

    place: str
    """``namespace/name``."""
    labels: Mapping[str, str]
    owners: tuple[str, ...]
    """Kinds of the objects that own it."""
    worker_version: str | None
    """Of the nfd-worker that wrote it; None where another did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A container of NFD."""

    pod: str
    image: str
    is_ready: bool


class Cluster:
    """An API server that answers."""

    def __init__(self, config: Config) -> None:
        """Ask for its version. Raises ApiError."""
        self.api = share(config)
        self.config = config
        self.version = str(self.api.request("GET", "/version", schema=VERSION)["gitVersion"])

    def measure_clock(self) -> float:
        """Return by how many seconds this machine's clock is ahead of the server's. Raises ApiError."""
        before_s = time.time()
        server_s = self.api.date() + 0.5  # it leaves out the fraction
        return (before_s + time.time()) / 2 - server_s

    @cached_property
    def identity(self) -> Identity | GfdError:
        """Who we are."""

        def ask() -> Identity:
            user = self.api.request("POST", _REVIEWS, {}, schema=IDENTITY)["status"]["userInfo"]
            extra = {key: values[0] for key, values in (user.get("extra") or {}).items() if values}
            return Identity(
                name=str(user.get("username")),
                node=extra.get(f"{_EXTRA}node-name"),
                pod=extra.get(f"{_EXTRA}pod-name"),
            )

        return attempt(ask)

    def may(self, right: Right) -> bool:
        """Return whether we may do that. Raises ApiError."""
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
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
            return GfdError("the node has no name here: set NODE_NAME, in a pod from spec.nodeName")
        path = f"{NODES}/{name}"
        return attempt(lambda: self.api.request("GET", path, accept=METADATA, schema=OBJECT)["metadata"])

    def serves(self, group_version: str, resource: str) -> bool:
        """Return whether the API server knows a resource. Raises ApiError."""
        try:
            found = self.api.request("GET", f"/apis/{group_version}", schema=RESOURCES)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return any(each["name"] == resource for each in found.get("resources") or ())

    @cached_property
    def features(self) -> tuple[Feature, ...] | GfdError:
        """The NodeFeatures of the node: of all namespaces where that is allowed, else of gfd's."""
        name = self.config.node_name
        if not name:
            return GfdError("the node has no name here: set NODE_NAME")
        found = self._features(f"/apis/{API_VERSION}/nodefeatures", name)
        if isinstance(found, ApiError) and found.status == 403:
            namespaced = f"/apis/{API_VERSION}/namespaces/{self.config.namespace}/nodefeatures"
            found = self._features(namespaced, name)
        # Nobody has any where the API server does not know them.
        return () if isinstance(found, ApiError) and found.status == 404 else found

    def _features(self, collection: str, node: str) -> tuple[Feature, ...] | GfdError:
        query = {"labelSelector": f"{NODE_LABEL}={node}"}

        def ask() -> tuple[Feature, ...]:
            return tuple(map(_feature, self.api.list(collection, query=query, item=NODE_FEATURE)))

        return attempt(ask)

    @cached_property
    def workers(self) -> tuple[Program, ...] | GfdError:
        """The nfd-workers on the node."""
        if not self.config.node_name:
            return GfdError("the node has no name here: set NODE_NAME")
        return self._programs("nfd-worker", {"fieldSelector": f"spec.nodeName={self.config.node_name}"})

    @cached_property
    def masters(self) -> tuple[Program, ...] | GfdError:
        """The nfd-masters, installed by NFD's chart or its kustomization."""
        by_chart = {"labelSelector": "app.kubernetes.io/name=node-feature-discovery,role=master"}
        return self._programs("nfd-master", by_chart) or self._programs(
            "nfd-master", {"labelSelector": "app=nfd-master"}
        )

    def _programs(self, program: str, query: Mapping[str, str]) -> tuple[Program, ...] | GfdError:
        def ask() -> tuple[Program, ...]:
            pods = self.api.list("/api/v1/pods", query=query, item=POD)
            return tuple(found for pod in pods for found in _find_programs(pod, program))

        return attempt(ask)


def _feature(item: Mapping[str, Any]) -> Feature:
    metadata = item["metadata"]
    return Feature(
        place=f"{metadata['namespace']}/{metadata['name']}",
        labels=item["spec"].get("labels") or {},
        owners=tuple(owner["kind"] for owner in metadata.get("ownerReferences") or ()),
        worker_version=(metadata.get("annotations") or {}).get(_WORKER_VERSION),
    )


def _find_programs(pod: Mapping[str, Any], program: str) -> Iterator[Program]:
    """Yield the containers of a pod that run a program of NFD, whose image has all of them."""
    statuses = {each["name"]: each for each in (pod.get("status") or {}).get("containerStatuses") or ()}
    for container in pod["spec"]["containers"]:
        words = (container["name"], *(container.get("command") or ()), *(container.get("args") or ()))
        if any(word.rpartition("/")[2] == program for word in words):
            yield Program(
                pod=f"{pod['metadata']['namespace']}/{pod['metadata']['name']}",
                image=container["image"],
                is_ready=bool(statuses.get(container["name"], {}).get("ready")),
            )
