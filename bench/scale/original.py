"""Send the requests of the original: a GET of each NodeFeature every minute, and those of NFD's master.

These are stand-ins that favour the original: they have no rate limit, an agent that fails continues a minute
later instead of restarting, and the master has one watch. A request with Retry-After is repeated after that
time, as by Go's client.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from bench.scale.account import CountedApi
from bench.scale.actor import Actor
from bench.scale.agent import TIMESTAMP
from bench.scale.objects import FEATURES
from gfd.errors import ApiError
from gfd.kube.client import JSON
from gfd.kube.nfd import API_VERSION, NAME_PREFIX, NODE_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.scale.account import Account
    from bench.scale.agent import Pace

INTERVAL_S = 60.0
RETRIES = 10
"""Attempts for a request that gets Retry-After."""
NODES = "/api/v1/nodes"
OURS = "nvidia.com/"
ANNOTATION = "nfd.node.kubernetes.io/feature-labels"
MERGE = "application/merge-patch+json"


class Original(Actor):
    """The gpu-feature-discovery of one node: it reads its NodeFeature each minute and writes differences."""

    def __init__(self, account: Account, labels: Mapping[str, str]) -> None:
        super().__init__()
        self.account = account
        self.apis: list[CountedApi] = []
        self._labels = dict(labels)
        self._due_s: float | None = None
        self._path = f"{FEATURES}/{NAME_PREFIX}{account.node}"

    def live(self, pace: Pace | None = None) -> None:
        """Start, or start again: the timestamp among its labels changes with each start."""
        self.die()
        self._labels[TIMESTAMP] = str(int(time.time()))
        self.apis.append(CountedApi(self.account))
        self._due_s = time.monotonic()

    def change(self, labels: Mapping[str, str]) -> None:
        """Publish the labels of another MIG layout in the next cycle."""
        self._labels = {**labels, TIMESTAMP: self._labels[TIMESTAMP]}

    def withdraw(self) -> None:
        """Delete the NodeFeature and end."""
        with contextlib.suppress(ApiError):
            self.apis[-1].request("DELETE", self._path)
        self.die()

    def die(self) -> None:
        """End; the labels stay."""
        if self._due_s is not None:
            self._due_s = None
            self.apis[-1].close()

    @property
    def wait_s(self) -> float | None:
        """Seconds until the next cycle."""
        return None if self._due_s is None else max(0.0, self._due_s - time.monotonic())

    def beat(self) -> None:
        """Read the object and write differences."""
        if self._due_s is None:
            return
        self._due_s = time.monotonic() + INTERVAL_S
        with contextlib.suppress(ApiError):  # counted by the client
            self._look(self.apis[-1])

    def _look(self, api: CountedApi) -> None:
        try:
            found = _ask(api, "GET", self._path)
        except ApiError as error:
            if error.status != 404:
                raise
            _ask(api, "POST", FEATURES, self._object({}))
        else:
            if found["spec"].get("labels") != self._labels:
                version = {"resourceVersion": found["metadata"]["resourceVersion"]}
                _ask(api, "PUT", self._path, self._object(version))

    def _object(self, metadata: Mapping[str, str]) -> dict[str, Any]:
        node = self.account.node
        named = {"name": f"{NAME_PREFIX}{node}", "labels": {NODE_LABEL: node}, **metadata}
        spec = {"features": {"attributes": {}, "flags": {}, "instances": {}}, "labels": self._labels}
        return {"apiVersion": API_VERSION, "kind": "NodeFeature", "metadata": named, "spec": spec}


class Master:
    """NFD's master: one watch on all NodeFeatures; for each change a GET and a PATCH of the Node."""

    WRITERS = 10

    def __init__(self, account: Account) -> None:
        self.api = CountedApi(account, qps=100_000, burst=100_000)
        self._due: queue.SimpleQueue[tuple[str, dict[str, str]]] = queue.SimpleQueue()
        threading.Thread(target=self._follow, daemon=True).start()
        for _ in range(self.WRITERS):
            threading.Thread(target=self._write, daemon=True).start()

    def _follow(self) -> None:
        version = ""
        while True:
            try:
                version = version or self._list()
                for event in self.api.watch(
                    FEATURES, {"resourceVersion": version, "allowWatchBookmarks": "true"}
                ):
                    version = event["object"]["metadata"]["resourceVersion"]
                    if event["type"] == "DELETED":
                        event["object"]["spec"] = {}
                    if event["type"] != "BOOKMARK":
                        self._take(event["object"])
            except ApiError as error:
                if error.status:
                    version = ""
                time.sleep(1)

    def _list(self) -> str:
        query = {"limit": "500"}
        while True:
            page = self.api.request("GET", FEATURES, query=query)
            for each in page["items"]:
                self._take(each)
            token = page["metadata"].get("continue", "")
            if not token:
                return str(page["metadata"]["resourceVersion"])
            query["continue"] = token

    def _take(self, feature: Mapping[str, Any]) -> None:
        self._due.put((feature["metadata"]["labels"][NODE_LABEL], feature["spec"].get("labels") or {}))

    def _write(self) -> None:
        while True:
            node, labels = self._due.get()
            try:
                self._update(node, labels)
            except ApiError:
                time.sleep(1)
                self._due.put((node, labels))

    def _update(self, node: str, labels: Mapping[str, str]) -> None:
        found = _ask(self.api, "GET", f"{NODES}/{node}")["metadata"]
        has = {key: value for key, value in found["labels"].items() if key.startswith(OURS)}
        if has == labels:
            return
        changes: dict[str, str | None] = dict.fromkeys(has.keys() - labels.keys())
        changes.update(labels)
        annotations = {ANNOTATION: ",".join(sorted(labels))}
        body = {"metadata": {"labels": changes, "annotations": annotations}}
        _ask(self.api, "PATCH", f"{NODES}/{node}", body, MERGE)


def _ask(
    api: CountedApi, method: str, path: str, body: Mapping[str, Any] | None = None, content_type: str = JSON
) -> dict[str, Any]:
    for _ in range(RETRIES):
        try:
            return api.request(method, path, body, content_type=content_type)
        except ApiError as error:
            if error.retry_after_s is None:
                raise
            time.sleep(error.retry_after_s)
    return api.request(method, path, body, content_type=content_type)
