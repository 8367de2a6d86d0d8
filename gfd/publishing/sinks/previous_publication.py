"""What NFD publishes in the way of ``--sink node``: often what gfd published by another sink before.

gfd's own NodeFeature is withdrawn where the rights allow. For everything else there is one command to type.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.files import read_text
from gfd.kube.field_managers import MANAGER, spec_holders
from gfd.kube.nfd import ALL_NODE_FEATURES, NAME_PREFIX, NODE_LABEL, node_features_path
from gfd.publishing.sinks.feature_text import parse_features
from gfd.publishing.sinks.file import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from gfd.kube.client import Api

PATIENCE_S = 60.0
"""NFD takes labels off the Node within seconds after their object is gone."""

_FORBIDDEN, _NOT_FOUND = 403, 404
_SUFFIX = 5
"""Random characters that end the name of a DaemonSet's pod."""
_STEM = 58
"""Characters of a pod's name before them, at most."""


class PreviousPublication:
    """The places of this node from which NFD may have its labels."""

    def __init__(
        self,
        api: Api,
        *,
        node_name: str,
        namespace: str,
        pod_name: str | None,
        feature_file: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``namespace`` and ``pod_name`` are gfd's own, ``feature_file`` is what ``--sink file`` writes."""
        self._api = api
        self._node_name = node_name
        self._namespace = namespace
        self._pod_name = pod_name
        self._feature_file = feature_file
        self._clock = clock
        self._name = f"{NAME_PREFIX}{node_name}"
        self._collection = node_features_path(namespace)
        self._withdrawn_s: float | None = None
        """When the object was deleted (monotonic)."""

    def withdraw(self, keys: Iterable[str]) -> str:
        """Delete gfd's own NodeFeature; return what is, or still stands, in the way of ``keys``."""
        listed = ", ".join(sorted(keys))
        try:
            found = self._api.request("GET", f"{self._collection}/{self._name}")
            if self.is_own(found):
                version = {name: found["metadata"][name] for name in ("uid", "resourceVersion")}
                self._api.request("DELETE", f"{self._collection}/{self._name}", {"preconditions": version})
                self._withdrawn_s = self._clock()
        except ApiError as error:
            if error.status == _FORBIDDEN:
                return f"run {self._cleanup(self._namespace)!r} where kubectl works: NFD publishes {listed}"
            if error.status != _NOT_FOUND:
                raise
        if self._withdrawn_s is not None and self._clock() - self._withdrawn_s < PATIENCE_S:
            return f"gfd withdrew its NodeFeature, and waits until NFD takes off {listed}"
        return self.explain(keys)

    def is_own(self, found: Mapping[str, Any]) -> bool:
        """Return whether a NodeFeature is of this installation: written by a gfd, for our own DaemonSet.

        Outside of a pod gfd writes an object without owners.
        """
        metadata = found["metadata"]
        if not any(MANAGER in managers for managers in spec_holders(metadata).values()):
            return False
        owners = [
            (owner["kind"], f"{owner['name']}-"[:_STEM]) for owner in metadata.get("ownerReferences") or ()
        ]
        return owners == ([("DaemonSet", self._pod_name[:-_SUFFIX])] if self._pod_name else [])

    def explain(self, keys: Iterable[str]) -> str:
        """Return who publishes ``keys`` through NFD, and, before that, what to type against it."""
        keys = set(keys)
        steps = dict.fromkeys(self._find_steps(keys))
        listed = f"NFD publishes {', '.join(sorted(keys))}"
        if steps:
            return f"run {' and '.join(map(repr, steps))} where kubectl works: {listed}"
        return (
            f"run 'kubectl get nodefeatures -A -l {NODE_LABEL}={self._node_name} -o yaml' to see what has "
            f"these labels, or 'nfd-master -prune' where NFD is no more: {listed}"
        )

    def _find_steps(self, keys: set[str]) -> Iterator[str]:
        for item in self._list():
            metadata = item["metadata"]
            if not keys & set(item["spec"].get("labels") or {}):
                continue
            kinds = {owner["kind"] for owner in metadata.get("ownerReferences") or ()}
            if metadata["name"] == self._name and "Pod" in kinds:
                yield f"gfd cleanup --all-nodes --from-original --namespace {metadata['namespace']}"
            elif metadata["name"] == self._name:
                yield self._cleanup(metadata["namespace"])
        if keys & self._read_feature_file():
            yield f"gfd cleanup --sink file --output-file {self._feature_file}"

    def _read_feature_file(self) -> set[str]:
        """Return the keys that the feature file of this machine has; none where it cannot be read."""
        try:
            text = read_text(self._feature_file, MAX_BYTES, errors="replace")
        except OSError:
            # Most often there is none. One that cannot be read here is found by the other step.
            return set()
        return set(parse_features(text, time.time()))

    def _list(self) -> list[dict[str, Any]]:
        """Return the node's NodeFeatures, of all namespaces or, with an agent's rights, of its own."""
        query = {"labelSelector": f"{NODE_LABEL}={self._node_name}"}
        try:
            return list(self._api.list(ALL_NODE_FEATURES, query=query))
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
        try:
            return [self._api.request("GET", f"{self._collection}/{self._name}")]
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
        return []

    @staticmethod
    def _cleanup(namespace: str) -> str:
        return f"gfd cleanup --all-nodes --sink nodefeature --namespace {namespace}"
