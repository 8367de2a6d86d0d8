"""A scheduler extender that takes nothing: it writes down which nodes kube-scheduler lets through.

The scheduler tells an unschedulable pod's owner only how many nodes failed. An extender is told, in one
request a pod, the names of all nodes that passed the scheduler's own filters; pods and nodes are as they are,
nothing is pinned. This one then refuses them all, so no pod is ever placed and takes devices from the next.
With ``preemptVerb`` it is also told which pods the scheduler would evict from which node, and allows none.
"""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Extender:
    """An HTTP server on loopback, while it is entered."""

    def __init__(self) -> None:
        self.passed: dict[str, set[frozenset[str]]] = {}
        """By pod: each set of nodes that ever was told."""
        self.evicted: dict[str, dict[str, frozenset[str]]] = {}
        """By pod and node: the UIDs of the pods that the scheduler would evict."""
        self.placed = "placed-"
        """Pods with such names are let through, to see which node the scheduler chooses."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def filter(self, pod: str, nodes: list[str]) -> list[str]:
        self.passed.setdefault(pod, set()).add(frozenset(nodes))
        return nodes if pod.startswith(self.placed) else []

    def preempt(self, pod: str, victims: dict[str, Any]) -> None:
        self.evicted[pod] = {
            node: frozenset(each["UID"] for each in found["Pods"]) for node, found in victims.items()
        }

    def __enter__(self) -> Extender:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(extender: Extender) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet; with two, the kernel waits 40 ms

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name = asked["Pod"]["metadata"]["name"]
            if self.path == "/preempt":
                extender.preempt(name, asked["NodeNameToMetaVictims"])
                self._answer({"NodeNameToMetaVictims": {}})
                return
            kept = extender.filter(name, asked["NodeNames"])
            refused = {name: "refused" for name in asked["NodeNames"] if name not in kept}
            # Only the scheduler's own filters are to make a node one for preemption.
            self._answer({"NodeNames": kept, "FailedAndUnresolvableNodes": refused})

        def _answer(self, content: dict[str, Any]) -> None:
            answer = json.dumps(content).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
