"""Read and write the NodeFeature object of one node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, PublishError
from gfd.kube.api_errors import to_publish_error
from gfd.kube.nfd import API_VERSION, NAME_PREFIX, NODE_LABEL, node_features_path
from gfd.kube.objects import NODE_FEATURE, OBJECT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.kube.client import Api

NAME = "nodefeature"
"""The sink's name."""
GRANT = "manifests/overlays/nodefeature (Role gfd)"
GRANT_TO_OWN = "the verb delete on nodefeatures"
"""The right that OwnerReferencesPermissionEnforcement wants of who replaces the owners of the object."""


class NodeFeatureClient:
    """The requests that gfd makes for its NodeFeature."""

    def __init__(self, api: Api, *, node_name: str, namespace: str, pod_name: str | None) -> None:
        """``pod_name`` and ``namespace`` are those of gfd's own pod; ``pod_name`` is None outside a pod."""
        self.api = api
        self.node_name = node_name
        self.namespace = namespace
        self.pod_name = pod_name
        self.object_name = f"{NAME_PREFIX}{node_name}"
        self.target = f"nodefeatures/{self.object_name} in namespace {namespace}"
        self.collection = node_features_path(namespace)
        self.path = f"{self.collection}/{self.object_name}"
        self.selector = {"labelSelector": f"{NODE_LABEL}={node_name}"}
        """The query that lists all NodeFeatures of the node."""

    def read(self) -> dict[str, Any] | None:
        """Return the object; None if it does not exist. Raises ApiError."""
        try:
            return self.api.request("GET", self.path, schema=NODE_FEATURE)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def exists(self) -> bool:
        """Return whether the object exists; True if it cannot be read."""
        try:
            self.api.request("GET", self.path)
        except ApiError as error:
            return error.status != 404
        return True

    def write(self, wanted: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
        """Create or replace the object and return it. Raises ApiError."""
        if is_new:
            return self.api.request("POST", self.collection, wanted, schema=NODE_FEATURE)
        return self.api.request("PUT", self.path, wanted, schema=NODE_FEATURE)

    def delete(self, metadata: Mapping[str, Any] | None = None) -> None:
        """Delete the object; with ``metadata``, only if it has not changed since. Raises ApiError."""
        body = None
        if metadata is not None:
            body = {"preconditions": {name: metadata[name] for name in ("uid", "resourceVersion")}}
        self.api.request("DELETE", self.path, body)

    def list_siblings(self) -> Iterable[dict[str, Any]]:
        """Return all NodeFeatures of the node in the namespace. Raises ApiError."""
        return self.api.list(self.collection, query=self.selector, item=NODE_FEATURE)

    def read_owners(self) -> list[dict[str, str]]:
        """Return the owner references for the object: the DaemonSet of gfd's pod; none outside a pod.

        With them, Kubernetes deletes the object when gfd is uninstalled, not when one pod is deleted. Raises
        ApiError, and PublishError while the pod is being deleted.
        """
        if not self.pod_name:
            return []
        path = f"/api/v1/namespaces/{self.namespace}/pods/{self.pod_name}"
        metadata = self.api.request("GET", path, schema=OBJECT)["metadata"]
        if metadata.get("deletionTimestamp"):
            # If the DaemonSet is being deleted too, the object would get an owner that is soon gone.
            raise PublishError(NAME, self.target, "gfd's own pod is being deleted", kind="ending")
        return [
            {name: owner[name] for name in ("apiVersion", "kind", "name", "uid")}
            for owner in metadata.get("ownerReferences") or ()
            if (owner["apiVersion"], owner["kind"]) == ("apps/v1", "DaemonSet")
        ]

    def translate(self, error: ApiError) -> PublishError:
        """Return the error to raise from the sink."""
        kind = error.details.get("kind")
        if error.status == 404 and error.verb == "create" and kind == "namespaces":
            reason = f"there is no namespace {self.namespace}; create it, or set --namespace"
            return PublishError(NAME, self.target, reason, kind=error.kind)
        if error.status == 404 and (error.verb == "create" or not kind):
            reason = f"the API server does not know {API_VERSION}; install NFD, or choose another --sink"
            return PublishError(NAME, self.target, reason, kind="no_crd")
        if error.status == 404 and kind == "pods":
            reason = f"{error}; set --pod-name to gfd's own pod in --namespace, or leave it empty"
            return PublishError(NAME, self.target, reason, kind=error.kind)
        return to_publish_error(NAME, self.target, error, grant=GRANT)
