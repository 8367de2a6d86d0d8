"""The Node itself, for clusters without NFD: server-side apply of its labels under the manager ``gfd``.

Keys that are no longer rendered go, nobody else's are touched, and the Node's uid goes along so that an
apply never makes a Node.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, PublishError
from gfd.kube.api_errors import to_publish_error
from gfd.kube.backoff import Resync
from gfd.kube.client import APPLY, METADATA
from gfd.kube.field_managers import MANAGER, applied_by, conflicts, held_by_nfd
from gfd.kube.objects import OBJECT
from gfd.kube.paths import NODES
from gfd.kube.watch import Follower, is_newer
from gfd.labels.syntax import differ
from gfd.publishing.sinks.metadata_drift import detect_node_drift

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.kube.client import Api
    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange
    from gfd.publishing.sinks.previous_publication import PreviousPublication

GRANT = "manifests/overlays/node (ClusterRole gfd)"

KINDS = ("labels", "annotations")
_ANOTHER_UID = (409, 422)
"""How an apply with the uid of a Node that is gone, or was made anew, is answered."""


class NodeSink:
    """The labels, and annotations, of the node that gfd runs on."""

    name = "node"

    def __init__(
        self,
        api: Api,
        *,
        node_name: str,
        is_forcing: bool,
        as_annotations: str | None,
        resync_s: float | None,
        warn: Callable[[str], None],
        previous: PreviousPublication | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``as_annotations`` is a regular expression for keys; ``warn`` gets what a person should know.

        ``previous`` is what NFD may publish from, None where gfd itself publishes through NFD too.
        """
        self._api = api
        self._node_name = node_name
        self._is_forcing = is_forcing
        self._as_annotations = re.compile(as_annotations) if as_annotations else None
        self._resync = Resync(resync_s, clock)
        self._warn = warn
        self._previous = previous
        self._path = f"{NODES}/{node_name}"
        self._seen: Mapping[str, Any] | None = None
        """The metadata as they were last read or heard of; None where they must be read."""
        self._left: dict[str, str] = {}
        """Keys that are another manager's, and whose; left to it."""
        self._labels: Labels | None = None
        self._changed: Callable[[Drift], None] | None = None
        self._follower: Follower | None = None
        self._lock = threading.RLock()

    @property
    def target(self) -> str:
        """What a person knows it by."""
        return f"nodes/{self._node_name}"

    def publish(self, labels: Labels) -> bool:
        """Apply what differs. Raises PublishError, also for keys that NFD or another manager keeps."""
        with self._lock:
            self._labels = labels
            has_changed = self._guarded(labels)
            self._follow()
            self._complain(labels)
            return has_changed

    def withdraw(self) -> bool:
        """Remove the keys that gfd holds; return whether there were any. Raises PublishError."""
        with self._lock:
            self._labels = None
            self._unfollow()
            self._seen = None
            try:
                return self._guarded({})
            except PublishError as error:
                if error.kind == "NotFound":
                    return False
                raise

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what of the Node would change, and what others hold there. Raises PublishError."""
        from gfd.publishing.preview import preview_apply

        try:
            seen = self._read()
        except ApiError as error:
            raise self._explain(error) from error
        wanted = self._wanted(seen, labels)
        found = (
            preview_apply(seen, kind, wanted[kind], labels, is_forcing=self._is_forcing) for kind in KINDS
        )
        return sorted(
            (each for prospects in found for each in prospects),
            key=lambda each: (each.key, each.is_annotation),
        )

    def has_labels(self) -> bool:
        """Return whether gfd holds a key of this Node; of one that cannot be read, it may."""
        try:
            metadata = self._read()
        except ApiError as error:
            return error.status != 404
        return any(applied_by(metadata, MANAGER, kind) for kind in KINDS)

    def follow(self, changed: Callable[[Drift], None]) -> None:
        """Call ``changed`` from another thread when the Node no longer has what was published."""
        self._changed = changed

    def inspect(self) -> None:
        """Nothing: the watch tells."""

    def close(self) -> None:
        """Stop following; the labels stay."""
        self._unfollow()

    def _guarded(self, labels: Labels) -> bool:
        try:
            return self._publish(labels)
        except ApiError as error:
            self._seen = None
            raise self._explain(error) from error

    def _explain(self, error: ApiError) -> PublishError:
        if error.status == 404:
            reason = f"there is no Node {self._node_name}; is NODE_NAME its name in kubectl get nodes?"
            return PublishError(self.name, self.target, reason, kind="NotFound")
        return to_publish_error(self.name, self.target, error, grant=GRANT)

    def _publish(self, labels: Labels) -> bool:
        if self._resync.is_due:
            self._seen = None
        is_again = False
        while True:
            if self._seen is None:
                self._keep(self._read())
            assert self._seen is not None
            if not self._lacks(self._seen, labels):
                return False
            try:
                self._keep(self._apply(self._seen, labels))
            except ApiError as error:
                # Deleted, or deleted and made again, since it was read; the new one wants labels too.
                if error.status not in _ANOTHER_UID or is_again:
                    raise
                is_again, self._seen = True, None
            else:
                return True

    def _apply(self, seen: Mapping[str, Any], labels: Labels) -> Mapping[str, Any]:
        try:
            return self._patch(seen, self._wanted(seen, labels), is_forced=False)
        except ApiError as error:
            held = conflicts(error.details)
            if not held:
                raise
        if self._is_forcing:
            for manager in sorted(set(held.values())):
                keys = ", ".join(sorted(key for key in held if held[key] == manager))
                self._warn(f"{self.target}: taking over what {manager} had set: {keys}")
        else:
            self._left |= held
        return self._patch(seen, self._wanted(seen, labels), is_forced=self._is_forcing)

    def _patch(
        self, seen: Mapping[str, Any], wanted: Mapping[str, Labels], *, is_forced: bool
    ) -> Mapping[str, Any]:
        filled = {kind: dict(wanted[kind]) for kind in KINDS if wanted[kind]}
        metadata = {"name": self._node_name, "uid": seen["uid"], **filled}
        answer = self._api.request(
            "PATCH",
            self._path,
            {"apiVersion": "v1", "kind": "Node", "metadata": metadata},
            query={"fieldManager": MANAGER, "force": "true" if is_forced else "false"},
            content_type=APPLY,
            accept=METADATA,
            schema=OBJECT,
        )
        found: Mapping[str, Any] = answer["metadata"]
        return found

    def _read(self) -> Mapping[str, Any]:
        answer = self._api.request("GET", self._path, accept=METADATA, schema=OBJECT)
        found: Mapping[str, Any] = answer["metadata"]
        return found

    def _keep(self, seen: Mapping[str, Any]) -> None:
        self._seen = seen
        self._resync.restart()

    def _wanted(self, seen: Mapping[str, Any], labels: Labels) -> dict[str, dict[str, str]]:
        """Return the keys to hold, by kind: all but those that NFD publishes and those left to others.

        What gfd had applied before NFD published the same stays as it is: NFD writes only what differs, so
        an apply without such a key would take the label off the Node.
        """
        has = {key: kind for kind in KINDS for key in seen.get(kind) or {}}
        self._left = {key: manager for key, manager in self._left.items() if key in has}
        by_nfd = held_by_nfd(seen)
        kept = by_nfd | set(self._left)
        shared = by_nfd & applied_by(seen, MANAGER, "labels") & set(seen.get("labels") or {})
        wanted: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
        wanted["labels"] = {key: seen["labels"][key] for key in shared}
        for key, value in labels.items():
            if key not in kept:
                is_annotation = self._as_annotations is not None and self._as_annotations.fullmatch(key)
                wanted["annotations" if is_annotation else "labels"][key] = value
        return wanted

    def _lacks(self, seen: Mapping[str, Any], labels: Labels) -> bool:
        """Whether the Node differs from what gfd would make of it."""
        wanted = self._wanted(seen, labels)
        for kind in KINDS:
            has = seen.get(kind) or {}
            if applied_by(seen, MANAGER, kind) != frozenset(wanted[kind]):
                return True
            if differ({key: has.get(key, "") for key in wanted[kind]}, wanted[kind]):
                return True
        return False

    def _complain(self, labels: Labels) -> None:
        assert self._seen is not None
        by_nfd = sorted(held_by_nfd(self._seen) & set(labels))
        if by_nfd:
            reason = f"leave out one --sink: NFD publishes {', '.join(by_nfd)}"
            if self._previous is not None:
                try:
                    reason = self._previous.withdraw(by_nfd)
                except ApiError as error:
                    raise self._explain(error) from error
            raise PublishError(self.name, self.target, reason, kind="held_by_nfd")
        if left := {key: manager for key, manager in self._left.items() if key in labels}:
            held = ", ".join(f"{key} by {manager}" for key, manager in sorted(left.items()))
            reason = f"held by other managers and left to them (--force-conflicts=false): {held}"
            raise PublishError(self.name, self.target, reason, kind="conflict")

    def _follow(self) -> None:
        if self._changed is not None and self._follower is None and self._seen is not None:
            version = self._seen["resourceVersion"]
            self._follower = Follower(self._api, NODES, self._node_name, version, self._saw)

    def _unfollow(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None

    def _saw(self, metadata: Mapping[str, Any] | None) -> None:
        # What we write ourselves is heard of too; the lock lets the answer come first.
        with self._lock:
            if metadata is not None and self._seen is not None and is_newer(self._seen, metadata):
                return  # the word about an earlier write of ours, after the answer to a later one
            before, self._seen = self._seen, metadata
            if self._labels is None or (metadata is not None and not self._lacks(metadata, self._labels)):
                return
            wanted = {} if metadata is None else self._wanted(metadata, self._labels)
            drift = detect_node_drift(before, metadata, wanted)
        if self._changed is not None:
            self._changed(drift)
