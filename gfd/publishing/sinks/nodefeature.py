"""The NodeFeature object of NFD, from which nfd-master labels the Node.

The whole object is gfd's and is replaced: server-side apply would leave the stale labels and the Pod owner
that gpu-feature-discovery wrote, and with them an object that is deleted with that Pod.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, PublishError
from gfd.kube.api_errors import to_publish_error
from gfd.kube.backoff import Resync
from gfd.kube.nfd import API_VERSION, NAME_PREFIX, NODE_LABEL, node_feature_path, node_features_path
from gfd.kube.objects import NODE_FEATURE, OBJECT
from gfd.kube.watch import Follower, is_newer
from gfd.labels.syntax import differ
from gfd.publishing.sinks.metadata_drift import detect_node_feature_drift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.kube.client import Api
    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange

GRANT = "manifests/overlays/nodefeature (Role gfd)"


class NodeFeatureSink:
    """The one object of this node."""

    name = "nodefeature"

    def __init__(
        self,
        api: Api,
        *,
        node_name: str,
        namespace: str,
        pod_name: str | None,
        resync_s: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``resync_s`` is after how long the object is read again though nothing was heard of it."""
        self._api = api
        self._node_name = node_name
        self._namespace = namespace
        self._pod_name = pod_name
        self._resync = Resync(resync_s, clock)
        self._collection = node_features_path(namespace)
        self._object_name = f"{NAME_PREFIX}{node_name}"
        self._path = node_feature_path(namespace, node_name)
        self._owners: list[dict[str, str]] | None = None
        self._seen: dict[str, Any] | None = None
        """The object as it was last read or written; None where it must be read."""
        self._changed: Callable[[Drift], None] | None = None
        self._follower: Follower | None = None
        self._lock = threading.RLock()

    @property
    def target(self) -> str:
        """What a person knows it by."""
        return f"nodefeatures/{self._object_name} in namespace {self._namespace}"

    def publish(self, labels: Labels) -> bool:
        """Replace the object if its labels differ. Raises PublishError."""
        with self._lock:
            try:
                has_changed = self._publish(labels)
            except ApiError as error:
                self._seen = None
                raise self._explain(error) from error
            self._follow()
            return has_changed

    def withdraw(self) -> bool:
        """Delete the object; return whether there was one. Raises PublishError."""
        with self._lock:
            self._seen = None
            self._unfollow()
            try:
                self._api.request("DELETE", self._path)
            except ApiError as error:
                if error.status == 404:
                    return False
                raise self._explain(error) from error
            return True

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what of the object would change, and what the node's others in the namespace say.

        Raises PublishError.
        """
        from gfd.publishing.preview import preview_replace

        query = {"labelSelector": f"{NODE_LABEL}={self._node_name}"}
        try:
            others = {
                f"nodefeatures/{item['metadata']['name']}": item["spec"].get("labels") or {}
                for item in self._api.list(self._collection, query=query, item=NODE_FEATURE)
            }
            seen = self._read()
        except ApiError as error:
            raise self._explain(error) from error
        others.pop(f"nodefeatures/{self._object_name}", None)
        return preview_replace((seen or {"spec": {}})["spec"].get("labels") or {}, labels, others)

    def has_labels(self) -> bool:
        """Return whether the object exists; one that cannot be read may."""
        try:
            self._api.request("GET", self._path)
        except ApiError as error:
            return error.status != 404
        return True

    def follow(self, changed: Callable[[Drift], None]) -> None:
        """Call ``changed`` from another thread when somebody changed or deleted the object."""
        self._changed = changed

    def inspect(self) -> None:
        """Nothing: the watch tells."""

    def close(self) -> None:
        """Stop following; the object stays."""
        self._unfollow()

    def _publish(self, labels: Labels) -> bool:
        if self._resync.is_due:
            self._seen = None
        is_again = False
        while True:
            if self._seen is None:
                self._keep(self._read())
            seen = self._seen
            wanted = self._object(labels, seen)
            if seen is not None and _is_same(seen, wanted):
                return False
            try:
                self._keep(self._write(seen, wanted))
            except ApiError as error:
                # Somebody was faster: wrote or made it (409), or deleted what we saw (404 of a PUT).
                is_race = error.status == 409 or (error.status == 404 and seen is not None)
                if not is_race or is_again:
                    raise
                is_again, self._seen = True, None
            else:
                return True

    def _write(self, seen: Mapping[str, Any] | None, wanted: Mapping[str, Any]) -> dict[str, Any]:
        if seen is None:
            return self._api.request("POST", self._collection, wanted, schema=NODE_FEATURE)
        return self._api.request("PUT", self._path, wanted, schema=NODE_FEATURE)

    def _read(self) -> dict[str, Any] | None:
        try:
            return self._api.request("GET", self._path, schema=NODE_FEATURE)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def _keep(self, seen: dict[str, Any] | None) -> None:
        self._seen = seen
        self._resync.restart()

    def _object(self, labels: Labels, seen: Mapping[str, Any] | None) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "name": self._object_name,
            "namespace": self._namespace,
            "labels": {NODE_LABEL: self._node_name},
        }
        if owners := self._find_owners():
            metadata["ownerReferences"] = owners
        if seen is not None:
            metadata["resourceVersion"] = seen["metadata"]["resourceVersion"]
        features: dict[str, Any] = {"attributes": {}, "flags": {}, "instances": {}}
        spec = {"features": features, "labels": dict(labels)}
        return {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata, "spec": spec}

    def _find_owners(self) -> list[dict[str, str]]:
        """Return the DaemonSet of our Pod: the object goes with the installation, not with one Pod of it."""
        if not self._pod_name:
            return []
        if self._owners is None:
            path = f"/api/v1/namespaces/{self._namespace}/pods/{self._pod_name}"
            metadata = self._api.request("GET", path, schema=OBJECT)["metadata"]
            if metadata.get("deletionTimestamp"):
                # With its DaemonSet, perhaps: an object made now would belong to nobody that lives.
                raise PublishError(self.name, self.target, "gfd's own pod is being deleted", kind="ending")
            self._owners = [
                {name: owner[name] for name in ("apiVersion", "kind", "name", "uid")}
                for owner in metadata.get("ownerReferences") or ()
                if (owner["apiVersion"], owner["kind"]) == ("apps/v1", "DaemonSet")
            ]
        return self._owners

    def _follow(self) -> None:
        if self._changed is not None and self._follower is None and self._seen is not None:
            version = self._seen["metadata"]["resourceVersion"]
            self._follower = Follower(self._api, self._collection, self._object_name, version, self._saw)

    def _unfollow(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def _saw(self, metadata: Mapping[str, Any] | None) -> None:
        # What we write ourselves is heard of too; the lock lets the answer come first.
        with self._lock:
            seen = self._seen
            if seen is None or (metadata is not None and _says_nothing_new(metadata, seen["metadata"])):
                return
            self._seen = None
            drift = detect_node_feature_drift(seen["metadata"], metadata)
            if drift.what != "labels":
                # Who owns our Pod may have changed too: a DaemonSet deleted with --cascade=orphan leaves it.
                self._owners = None
        if self._changed is not None:
            self._changed(drift)

    def _explain(self, error: ApiError) -> PublishError:
        if error.status == 404 and error.verb == "create" and error.details.get("kind") == "namespaces":
            reason = f"there is no namespace {self._namespace}; create it, or set --namespace"
            return PublishError(self.name, self.target, reason, kind=error.kind)
        if error.status == 404 and (error.verb == "create" or not error.details.get("kind")):
            reason = f"the API server does not know {API_VERSION}; install NFD, or choose another --sink"
            return PublishError(self.name, self.target, reason, kind="no_crd")
        if error.status == 404 and error.details.get("kind") == "pods":
            reason = f"{error}; --pod-name must name gfd's own pod, in --namespace, or be empty"
            return PublishError(self.name, self.target, reason, kind=error.kind)
        return to_publish_error(self.name, self.target, error, grant=GRANT)


def _is_same(seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    metadata = seen["metadata"]
    return (
        not differ(seen["spec"].get("labels") or {}, wanted["spec"]["labels"])
        and metadata.get("labels") == wanted["metadata"]["labels"]
        and (metadata.get("ownerReferences") or []) == wanted["metadata"].get("ownerReferences", [])
        and not any((seen["spec"].get("features") or {}).values())
    )


def _says_nothing_new(heard: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
    # The word about an earlier write of ours can come after the answer to a later one.
    return is_newer(seen, heard) or _marks(heard) == _marks(seen)


def _marks(metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what changes in the metadata with anything: the generation counts changes of the spec."""
    names = ("uid", "generation", "labels", "ownerReferences")
    return tuple(metadata.get(name) for name in names)
