"""The labels of the Node itself, for clusters without NFD: server-side apply as the field manager ``gfd``.

An apply removes those of gfd's keys that are no longer rendered, and leaves the keys of other managers alone.
It contains the Node's uid, so that it never creates a Node.
"""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, PublishError
from gfd.kube.backoff import Resync
from gfd.kube.field_managers import DRA_MANAGER, MANAGER, applied_by, conflicts, held_by, held_by_nfd
from gfd.kube.object_watcher import ObjectWatcher
from gfd.kube.paths import NODES
from gfd.kube.versions import VersionHistory
from gfd.labels.syntax import CLIQUE
from gfd.publishing.sinks.metadata_drift import detect_node_drift
from gfd.publishing.sinks.node_client import NAME, NodeClient
from gfd.publishing.sinks.node_keys import KINDS, choose_keys, needs_apply

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.kube.client import Api
    from gfd.labels.syntax import Labels
    from gfd.publishing.drift import Drift
    from gfd.publishing.preview import PlannedChange
    from gfd.publishing.sinks.previous_publication import PreviousPublication

    Metadata = Mapping[str, Any]

_WRONG_UID = (409, 422)
"""The status of an apply with the uid of a Node that was deleted, or deleted and created again."""


class NodeSink:
    """The labels and annotations of the Node that gfd runs on."""

    name = NAME

    def __init__(
        self,
        api: Api,
        *,
        node_name: str,
        is_forcing: bool,
        as_annotations: str | None,
        resync_s: float | None,
        warn: Callable[[str], None],
        leaves_clique: bool = False,
        previous: PreviousPublication | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Publish keys that match the regular expression ``as_annotations`` as annotations.

        With ``leaves_clique``, leave the label gpu.clique to NVIDIA's DRA driver where that holds it.
        ``previous`` is None if gfd publishes through NFD too. ``warn`` is called with each warning.
        """
        self._client = NodeClient(api, node_name)
        self._is_forcing = is_forcing
        self._annotation_keys = re.compile(as_annotations) if as_annotations else None
        self._resync = Resync(resync_s, clock)
        self._warn = warn
        self._leaves_clique = leaves_clique
        self._previous = previous
        self._seen: Metadata | None = None
        """The Node's latest metadata; None if it must be read again."""
        self._versions = VersionHistory()
        self._conflicts: dict[str, str] = {}
        """The manager of each key that gfd leaves to another manager."""
        self._labels: Labels | None = None
        self._on_drift: Callable[[Drift], None] | None = None
        self._watcher = ObjectWatcher(api, NODES, node_name, self._on_change)
        self._lock = threading.RLock()

    @property
    def target(self) -> str:
        """The Node, as in ``kubectl get``."""
        return self._client.target

    def publish(self, labels: Labels) -> bool:
        """Apply what differs. Raises PublishError, also for keys that NFD or another manager holds."""
        with self._lock:
            self._labels = labels
            has_changed = self._apply_translated(labels)
            if self._on_drift is not None and self._seen is not None:
                self._watcher.start(self._seen["resourceVersion"])
            self._check_conflicts(labels)
            return has_changed

    def withdraw(self) -> bool:
        """Remove the keys that gfd holds; return whether there were any. Raises PublishError."""
        with self._lock:
            self._labels = None
            self._watcher.close()
            self._seen = None
            try:
                return self._apply_translated({})
            except PublishError as error:
                if error.kind == "NotFound":
                    return False
                raise

    def preview(self, labels: Labels) -> list[PlannedChange]:
        """Return what would change on the Node, and the keys that others hold there. Raises PublishError."""
        # Imported late because it costs memory: the agent never previews.
        from gfd.publishing.preview import preview_apply

        try:
            seen = self._client.read()
        except ApiError as error:
            raise self._client.translate(error) from error
        chosen = self._choose_keys(seen, labels)
        changes = [
            change
            for kind in KINDS
            for change in preview_apply(seen, kind, chosen[kind], labels, is_forcing=self._is_forcing)
        ]
        return sorted(changes, key=lambda change: (change.key, change.is_annotation))

    def has_labels(self) -> bool:
        """Return whether gfd holds a key of this Node; True if the Node cannot be read."""
        try:
            metadata = self._client.read()
        except ApiError as error:
            return error.status != 404
        return any(applied_by(metadata, MANAGER, kind) for kind in KINDS)

    def watch(self, on_drift: Callable[[Drift], None]) -> None:
        """Call ``on_drift``, from another thread, when the Node differs from the published labels."""
        self._on_drift = on_drift

    def inspect(self) -> None:
        """Do nothing: the watch reports changes."""

    def close(self) -> None:
        """Stop watching; the labels stay."""
        self._watcher.close()

    def _apply_translated(self, labels: Labels) -> bool:
        try:
            return self._apply_difference(labels)
        except ApiError as error:
            self._seen = None
            raise self._client.translate(error) from error

    def _apply_difference(self, labels: Labels) -> bool:
        if self._resync.is_due:
            self._seen = None
        is_retry = False
        while True:
            if self._seen is None:
                self._keep(self._client.read())
            assert self._seen is not None
            if not needs_apply(self._seen, self._choose_keys(self._seen, labels)):
                return False
            try:
                self._keep(self._apply(self._seen, labels))
            except ApiError as error:
                # The Node was deleted and perhaps created again. A new Node needs the labels too.
                if error.status not in _WRONG_UID or is_retry:
                    raise
                is_retry, self._seen = True, None
            else:
                return True

    def _apply(self, seen: Metadata, labels: Labels) -> Metadata:
        try:
            return self._client.apply(seen["uid"], self._choose_keys(seen, labels), is_forced=False)
        except ApiError as error:
            found = conflicts(error.details)
            if not found:
                raise
        if self._is_forcing:
            for manager in sorted(set(found.values())):
                names = ", ".join(sorted(key for key in found if found[key] == manager))
                self._warn(f"{self.target}: taking over keys from field manager {manager}: {names}")
        else:
            self._conflicts |= found
        keys = self._choose_keys(seen, labels)
        return self._client.apply(seen["uid"], keys, is_forced=self._is_forcing)

    def _keep(self, seen: Metadata) -> None:
        self._seen = seen
        self._versions.add(seen["resourceVersion"])
        self._resync.restart()

    def _choose_keys(self, seen: Metadata, labels: Labels) -> dict[str, dict[str, str]]:
        present = {key for kind in KINDS for key in seen.get(kind) or {}}
        self._conflicts = {key: manager for key, manager in self._conflicts.items() if key in present}
        excluded = set(self._conflicts)
        if self._leaves_clique:
            excluded |= held_by(seen, DRA_MANAGER) & {CLIQUE}
        return choose_keys(seen, labels, excluded=frozenset(excluded), annotation_keys=self._annotation_keys)

    def _check_conflicts(self, labels: Labels) -> None:
        """Raise PublishError if others hold some of the keys."""
        assert self._seen is not None
        by_nfd = sorted(held_by_nfd(self._seen) & set(labels))
        if by_nfd:
            reason = f"NFD publishes {', '.join(by_nfd)}; use one --sink only"
            if self._previous is not None:
                try:
                    reason = self._previous.withdraw(by_nfd)
                except ApiError as error:
                    raise self._client.translate(error) from error
            raise PublishError(self.name, self.target, reason, kind="held_by_nfd")
        if left := {key: manager for key, manager in self._conflicts.items() if key in labels}:
            held = ", ".join(f"{key} by {manager}" for key, manager in sorted(left.items()))
            reason = f"other field managers hold these keys, and --force-conflicts=false leaves them: {held}"
            raise PublishError(self.name, self.target, reason, kind="conflict")

    def _on_change(self, metadata: Metadata | None) -> None:
        # The watch also reports gfd's own writes. The lock makes it wait for the response to the write.
        with self._lock:
            if metadata is not None:
                version = metadata["resourceVersion"]
                if self._seen is not None and self._versions.has_passed(version):
                    return  # the event of an earlier write can come after the response to a later one
                self._versions.add(version)
            before, self._seen = self._seen, metadata
            if self._labels is None:
                return
            chosen = {} if metadata is None else self._choose_keys(metadata, self._labels)
            if metadata is not None and not needs_apply(metadata, chosen):
                return
            drift = detect_node_drift(before, metadata, chosen)
        if self._on_drift is not None:
            self._on_drift(drift)
