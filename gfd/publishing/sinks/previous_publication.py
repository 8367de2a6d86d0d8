"""Stop NFD from publishing labels that gfd now writes to the Node itself.

NFD often has them from a sink that gfd used before. gfd deletes its own NodeFeature if it may. For everything
else the message contains a command to run.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.files import read_text
from gfd.kube.field_managers import MANAGER, spec_holders
from gfd.kube.nfd import ALL_NODE_FEATURES, NODE_LABEL
from gfd.publishing.sinks.feature_text import MAX_BYTES, parse_features

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from gfd.publishing.sinks.nodefeature_client import NodeFeatureClient

REMOVAL_S = 60.0
"""How long to wait for NFD to remove the labels of a deleted object from the Node; it takes seconds."""

_FORBIDDEN, _NOT_FOUND = 403, 404
_SUFFIX_LENGTH = 5
"""The number of random characters at the end of the name of a DaemonSet's pod."""
_MAX_STEM_LENGTH = 58
"""The maximum number of characters before them."""


class PreviousPublication:
    """The NodeFeatures of this node and its feature file: NFD may have the labels from them."""

    def __init__(
        self,
        client: NodeFeatureClient,
        feature_file: Path,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``feature_file`` is the file that ``--sink file`` writes."""
        self._client = client
        self._feature_file = feature_file
        self._clock = clock
        self._deleted_s: float | None = None
        """When gfd deleted its object (monotonic)."""

    def withdraw(self, keys: Iterable[str]) -> str:
        """Delete gfd's own NodeFeature; return why NFD still publishes ``keys``, and what to do.

        Raises ApiError.
        """
        names = ", ".join(sorted(keys))
        try:
            found = self._client.api.request("GET", self._client.path)
            if self.is_own(found):
                self._client.delete(found["metadata"])
                self._deleted_s = self._clock()
        except ApiError as error:
            if error.status == _FORBIDDEN:
                command = _cleanup_command(self._client.namespace)
                return f"NFD publishes {names}; on a machine with kubectl, run {command!r}"
            if error.status != _NOT_FOUND:
                raise
        if self._deleted_s is not None and self._clock() - self._deleted_s < REMOVAL_S:
            return f"gfd deleted its NodeFeature and waits until NFD removes {names}"
        return self.explain(keys)

    def is_own(self, found: Mapping[str, Any]) -> bool:
        """Return whether this installation wrote a NodeFeature: its owner is the DaemonSet of this gfd.

        A gfd outside a pod writes an object without owners.
        """
        metadata = found["metadata"]
        if not any(MANAGER in managers for managers in spec_holders(metadata).values()):
            return False
        owners = [
            (owner["kind"], f"{owner['name']}-"[:_MAX_STEM_LENGTH])
            for owner in metadata.get("ownerReferences") or ()
        ]
        pod_name = self._client.pod_name
        return owners == ([("DaemonSet", pod_name[:-_SUFFIX_LENGTH])] if pod_name else [])

    def explain(self, keys: Iterable[str]) -> str:
        """Return a message with the commands that stop NFD from publishing ``keys``. Raises ApiError."""
        keys = set(keys)
        commands = dict.fromkeys(self._find_commands(keys))
        reason = f"NFD publishes {', '.join(sorted(keys))}"
        if commands:
            return f"{reason}; on a machine with kubectl, run {' and '.join(map(repr, commands))}"
        look = f"kubectl get nodefeatures -A -l {NODE_LABEL}={self._client.node_name} -o yaml"
        return (
            f"{reason}; to find the object with these labels, run {look!r}; if NFD is uninstalled, run "
            "'nfd-master -prune'"
        )

    def _find_commands(self, keys: set[str]) -> Iterator[str]:
        for item in self._list():
            metadata = item["metadata"]
            if not keys & set(item["spec"].get("labels") or {}):
                continue
            kinds = {owner["kind"] for owner in metadata.get("ownerReferences") or ()}
            if metadata["name"] == self._client.object_name and "Pod" in kinds:
                yield f"gfd cleanup --all-nodes --from-original --namespace {metadata['namespace']}"
            elif metadata["name"] == self._client.object_name:
                yield _cleanup_command(metadata["namespace"])
        if keys & self._read_feature_file():
            yield f"gfd cleanup --sink file --output-file {self._feature_file}"

    def _read_feature_file(self) -> set[str]:
        """Return the keys in the feature file of this machine; none if it cannot be read."""
        try:
            text = read_text(self._feature_file, MAX_BYTES, errors="replace")
        except OSError:
            # Usually the file does not exist. If it is only unreadable, the message names a kubectl command.
            return set()
        return set(parse_features(text, time.time()))

    def _list(self) -> list[dict[str, Any]]:
        """Return the node's NodeFeatures in all namespaces; only gfd's own if gfd may not list them."""
        try:
            return list(self._client.api.list(ALL_NODE_FEATURES, query=self._client.selector))
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
        try:
            return [self._client.api.request("GET", self._client.path)]
        except ApiError as error:
            if error.status not in (_FORBIDDEN, _NOT_FOUND):
                raise
        return []


def _cleanup_command(namespace: str) -> str:
    return f"gfd cleanup --all-nodes --sink nodefeature --namespace {namespace}"
