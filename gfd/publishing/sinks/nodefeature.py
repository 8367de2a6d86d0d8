"""NFD's NodeFeature object, from which nfd-master labels the Node.

gfd replaces the whole object. Server-side apply would keep the labels and the owner that
gpu-feature-discovery wrote. That owner is a Pod, and Kubernetes would delete the object with it.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube.backoff import Resync
from gfd.kube.nfd import API_VERSION, NODE_LABEL
from gfd.kube.object_watcher import ObjectWatcher
from gfd.kube.versions import VersionHistory
from gfd.labels.syntax import differ
from gfd.publishing.sinks.metadata_drift import detect_node_feature_drift
from gfd.publishing.sinks.nodefeature_client import GRANT_TO_OWN, NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange
    from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient


class NodeFeatureSink:
    """The one NodeFeature that gfd writes for its node."""

    name = NAME

    def __init__(
        self,
        client: NodeFeatureClient,
        *,
        resync_s: float | None,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Read the object again after ``resync_s``, even if the watch reports no change.

        ``warn`` is called with each warning.
        """
        self._client = client
        self._warn = warn
        self._resync = Resync(resync_s, clock)
        self._owners: list[dict[str, str]] | None = None
        self._keeps_owners = False
        """Whether the object keeps the owners that it has, because gfd may not replace them."""
        self._seen: dict[str, Any] | None = None
        """The object as last read or written; None if it must be read again."""
        self._versions = VersionHistory()
        self._on_drift: Callable[[Drift], None] | None = None
        self._watcher = ObjectWatcher(client.api, client.collection, client.object_name, self._on_change)
        self._lock = threading.RLock()

    @property
    def target(self) -> str:
        """The object and its namespace."""
        return self._client.target

    def publish(self, labels: Labels) -> bool:
        """Replace the object if its labels differ. Raises PublishError."""
        with self._lock:
            try:
                has_changed = self._publish(labels)
            except ApiError as error:
                self._seen = None
                raise self._client.translate(error) from error
            if self._on_drift is not None and self._seen is not None:
                self._watcher.start(self._seen["metadata"]["resourceVersion"])
            return has_changed

    def withdraw(self) -> bool:
        """Delete the object; return whether there was one. Raises PublishError."""
        with self._lock:
            self._seen = None
            self._watcher.close()
            try:
                self._client.delete()
            except ApiError as error:
                if error.status == 404:
                    return False
                raise self._client.translate(error) from error
            return True

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what would change, and the labels of the node's other objects in the namespace.

        Raises PublishError.
        """
        # Imported late because it costs memory: the agent never previews.
        from gfd.publishing.preview import preview_replace

        try:
            others = {
                f"nodefeatures/{item['metadata']['name']}": item["spec"].get("labels") or {}
                for item in self._client.list_siblings()
            }
            seen = self._client.read()
        except ApiError as error:
            raise self._client.translate(error) from error
        others.pop(f"nodefeatures/{self._client.object_name}", None)
        return preview_replace((seen or {"spec": {}})["spec"].get("labels") or {}, labels, others)

    def has_labels(self) -> bool:
        """Return whether the object exists; True if it cannot be read."""
        return self._client.exists()

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        """Call ``on_drift``, from another thread, when somebody changes or deletes the object."""
        self._on_drift = on_drift

    def inspect(self) -> None:
        """Do nothing: the watch reports changes."""

    def close(self) -> None:
        """Stop watching; the object stays."""
        self._watcher.close()

    def _publish(self, labels: Labels) -> bool:
        if self._resync.is_due:
            self._seen, self._keeps_owners = None, False
        try:
            return self._replace(labels)
        except ApiError as error:
            if not self._is_about_owners(error):
                raise
            self._keeps_owners = True
            try:
                has_changed = self._replace(labels)
            except ApiError:
                self._keeps_owners = False  # the owners were not the reason
                raise
            self._warn(
                f"{self.target}: gfd left the owners as they are, because it may not replace them: {error}; "
                f"grant {GRANT_TO_OWN}"
            )
            return has_changed

    def _replace(self, labels: Labels) -> bool:
        is_retry = False
        while True:
            if self._seen is None:
                self._keep(self._client.read())
            seen = self._seen
            wanted = self._make_object(labels, seen)
            if seen is not None and _is_same(seen, wanted):
                return False
            try:
                self._keep(self._client.write(wanted, is_new=seen is None))
            except ApiError as error:
                # Another writer was faster: 409 if it changed the object, 404 if it deleted it.
                is_race = error.status == 409 or (error.status == 404 and seen is not None)
                if not is_race or is_retry:
                    raise
                is_retry, self._seen = True, None
            else:
                return True

    def _is_about_owners(self, error: ApiError) -> bool:
        """Return whether the API server may have refused the object because of its new owners.

        The admission plugin OwnerReferencesPermissionEnforcement refuses them to an account that may not
        delete the object.
        """
        if self._keeps_owners or self._seen is None or (error.status, error.verb) != (403, "update"):
            return False
        return (self._seen["metadata"].get("ownerReferences") or []) != self._owners

    def _keep(self, seen: dict[str, Any] | None) -> None:
        self._seen = seen
        if seen is not None:
            self._versions.add(seen["metadata"]["resourceVersion"])
        self._resync.restart()

    def _make_object(self, labels: Labels, seen: Mapping[str, Any] | None) -> dict[str, Any]:
        metadata: dict[str, Any] = {
            "name": self._client.object_name,
            "namespace": self._client.namespace,
            "labels": {NODE_LABEL: self._client.node_name},
        }
        if owners := self._choose_owners(seen):
            metadata["ownerReferences"] = owners
        if seen is not None:
            metadata["resourceVersion"] = seen["metadata"]["resourceVersion"]
        features: dict[str, Any] = {"attributes": {}, "flags": {}, "instances": {}}
        spec = {"features": features, "labels": dict(labels)}
        return {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": metadata, "spec": spec}

    def _choose_owners(self, seen: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        if self._keeps_owners and seen is not None:
            return list(seen["metadata"].get("ownerReferences") or ())
        if self._owners is None:
            self._owners = self._client.read_owners()
        return list(self._owners)

    def _on_change(self, metadata: Mapping[str, Any] | None) -> None:
        # The watch also reports gfd's own writes. The lock makes it wait for the response to the write.
        with self._lock:
            seen = self._seen
            if seen is None or (metadata is not None and self._is_known(metadata, seen["metadata"])):
                return
            self._seen = None
            drift = detect_node_feature_drift(seen["metadata"], metadata)
            if drift.what != "labels":
                # The DaemonSet may be new: kubectl delete --cascade=orphan keeps gfd's pod.
                self._owners = None
        if self._on_drift is not None:
            self._on_drift(drift)

    def _is_known(self, reported: Mapping[str, Any], seen: Mapping[str, Any]) -> bool:
        # The event of an earlier write by gfd can come after the response to a later one.
        return self._versions.has_passed(reported["resourceVersion"]) or _marks(reported) == _marks(seen)


def _is_same(seen: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    metadata = seen["metadata"]
    return (
        not differ(seen["spec"].get("labels") or {}, wanted["spec"]["labels"])
        and metadata.get("labels") == wanted["metadata"]["labels"]
        and (metadata.get("ownerReferences") or []) == wanted["metadata"].get("ownerReferences", [])
        and not any((seen["spec"].get("features") or {}).values())
    )


def _marks(metadata: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return metadata that shows every change that matters; the generation counts changes of the spec."""
    names = ("uid", "generation", "labels", "ownerReferences")
    return tuple(metadata.get(name) for name in names)
