"""Watch all Nodes from outside, as the scheduler does: when are they right, and which labels are lost?"""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from bench.scale.agent import TIMESTAMP
from bench.scale.objects import NODES
from gfd.errors import ApiError
from gfd.kube.client import METADATA, METADATA_LIST, PAGE, Api

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

OURS = "nvidia.com/"


class Judge:
    """Compares whole label sets, without the timestamp."""

    def __init__(self, kubeconfig: Path) -> None:
        self._api = Api(kubeconfig, qps=100_000, burst=100_000)
        self._has: dict[str, dict[str, str]] = {}
        self._wanted: dict[str, Mapping[str, str]] = {}
        self._right_s: dict[str, float] = {}
        self._wrong: set[str] = set()
        self._changed = threading.Condition()
        self.lost: Counter[str] = Counter()
        """Node -> labels that it had, should have kept, and once did not have."""
        self.asked: Counter[str] = Counter()
        """The judge's own requests by verb."""
        threading.Thread(target=self._follow, daemon=True).start()

    def expect(self, labels: Mapping[str, str], names: Iterable[str]) -> None:
        """Expect exactly ``labels`` on these nodes from now on."""
        with self._changed:
            for name in names:
                self._wanted[name] = labels
                self._right_s.pop(name, None)
                self._wrong.add(name)
                self._see(name)

    def wait(self, patience_s: float) -> dict[str, float]:
        """Wait until all nodes are right, at most ``patience_s``; return since when each is (monotonic)."""
        with self._changed:
            self._changed.wait_for(lambda: not self._wrong, patience_s)
            return dict(self._right_s)

    def _follow(self) -> None:
        version = ""
        while True:
            try:
                version = version or self._list()
                self.asked["WATCH"] += 1
                query = {"resourceVersion": version, "allowWatchBookmarks": "true"}
                for event in self._api.watch(NODES, query, accept=METADATA):
                    metadata = event["object"]["metadata"]
                    version = metadata["resourceVersion"]
                    if event["type"] in {"ADDED", "MODIFIED"}:
                        self._take(metadata)
            except ApiError as error:
                if error.status:
                    version = ""
                time.sleep(0.2)

    def _list(self) -> str:
        query = {"limit": PAGE}
        while True:
            self.asked["LIST"] += 1
            page = self._api.request("GET", NODES, query=query, accept=METADATA_LIST)
            for each in page["items"]:
                self._take(each["metadata"])
            token = page["metadata"].get("continue", "")
            if not token:
                return str(page["metadata"]["resourceVersion"])
            query["continue"] = token

    def _take(self, metadata: Mapping[str, Any]) -> None:
        name = metadata["name"]
        labels = metadata.get("labels") or {}
        ours = {key: value for key, value in labels.items() if key.startswith(OURS) and key != TIMESTAMP}
        with self._changed:
            before, self._has[name] = self._has.get(name, {}), ours
            wanted = self._wanted.get(name, {})
            self.lost[name] += len((before.keys() & wanted.keys()) - ours.keys())
            self._see(name)

    def _see(self, name: str) -> None:
        if name not in self._wanted or self._has.get(name, {}) != self._wanted[name]:
            if name in self._wanted:
                self._wrong.add(name)
            return
        self._right_s.setdefault(name, time.monotonic())
        self._wrong.discard(name)
        if not self._wrong:
            self._changed.notify_all()
