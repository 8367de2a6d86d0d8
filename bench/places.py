"""Where labels go: a feature file, or a Node of a real control plane through an agent's own rights."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench import processes, programs
from bench.figure import GFD, ORIGINAL
from bench.scale.objects import COMPONENTS, FEATURES, PODS
from gfd.kube import service_account
from gfd.kube.nfd import NAME_PREFIX
from tests.cluster import agents
from tests.cluster.conftest import ensure_node_feature
from tests.cluster.controlplane import ControlPlane, control_plane
from tests.cluster.objects import apply_node, delete, make_node, merge, node_labels

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gfd.labels.syntax import Labels

FILE, NODE_FEATURE, NODE = "file", "nodefeature", "node"
SINKS = {GFD: (NODE_FEATURE, NODE), ORIGINAL: (NODE_FEATURE,)}
"""Those of each program that need an API server."""
UNHINDERED = ("--kube-api-qps=1000", "--kube-api-burst=1000")
"""For who lives faster than in life: by default five requests a second."""
LOOPBACK = "127.0.0.1"
IN_POD = (
    'mount -t tmpfs none /var/run && mkdir -p "$0" && cp "$1" "$0/token" && cp "$2" "$0/ca.crt" && '
    'shift 2 && exec "$@"'
)
DAEMON_SET = {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "gfd", "uid": "d"}


class File:
    """A feature file of its own."""

    def __init__(self, output: Path) -> None:
        self._output = output

    @property
    def arguments(self) -> list[str]:
        """What tells an agent of it."""
        return [programs.NO_API, f"--output-file={self._output}"]

    def inside(self, argv: list[str]) -> list[str]:
        """Return the command as it runs there."""
        return argv

    def clear(self) -> Callable[[], bool]:
        """Remove it; return what tells whether it is there again."""
        return processes.writing(self._output)


class Pod:
    """A Pod of a DaemonSet on a Node of its own, and its token."""

    def __init__(self, plane: ControlPlane, program: str, sink: str) -> None:
        self._plane = plane
        self._sink = sink
        self._node = f"{program}-{sink}"
        make_node(plane.admin, self._node)
        self.replace()

    def replace(self) -> None:
        """Put a new Pod in its place, as a rollout does: another uid, another token."""
        self._agent = agents.start(self._plane, self._node)
        merge(self._plane.admin, f"{PODS}/{self._agent.pod}", "bench", ownerReferences=[DAEMON_SET])

    @property
    def arguments(self) -> list[str]:
        """What tells an agent of it."""
        sink = "--sink=node" if self._sink == NODE else programs.FEATURE_API
        who = [
            f"--node-name={self._node}",
            f"--namespace={agents.NAMESPACE}",
            f"--pod-name={self._agent.pod}",
        ]
        return [sink, *who, *UNHINDERED]

    def inside(self, argv: list[str]) -> list[str]:
        """Return the command as it runs in the Pod: token and authority are where Kubernetes puts them."""
        address = (f"KUBERNETES_SERVICE_HOST={LOOPBACK}", f"KUBERNETES_SERVICE_PORT={self._plane.port}")
        folder = str(service_account.FOLDER)
        files = (str(self._agent.token_file), str(self._plane.home / "certificates/apiserver.crt"))
        return ["env", *address, "unshare", "--mount", "sh", "-c", IN_POD, folder, *files, *argv]

    def clear(self) -> Callable[[], bool]:
        """Remove its labels; return what tells whether there are any again."""
        if self._sink == NODE:
            apply_node(self._plane.admin, self._node, "gfd", is_forced=True)
        else:
            delete(self._plane.admin, f"{FEATURES}/{NAME_PREFIX}{self._node}")
        return lambda: bool(self.labels)

    @property
    def labels(self) -> Labels:
        """What is published."""
        if self._sink == NODE:
            return node_labels(self._plane.admin, self._node)
        query = {"fieldSelector": f"metadata.name={NAME_PREFIX}{self._node}"}
        items = self._plane.admin.request("GET", FEATURES, query=query)["items"]
        return dict(items[0]["spec"]["labels"]) if items else {}

    def requests(self) -> Counter[str]:
        """Return how often its Pods have asked for what: verbs of the audit log, a watch counted once."""
        return Counter(each["verb"] for each in agents.entries(self._plane, self._agent.pod))


@contextmanager
def planed(home: Path) -> Iterator[ControlPlane]:
    """Start a control plane with the rights of agents, and end it."""
    home.mkdir(parents=True, exist_ok=True)
    with control_plane(home) as plane:
        ensure_node_feature(plane)
        agents.install(plane)
        # Without gfd's policy, which would refuse the Pod that the original lets own its object.
        for sink in (NODE_FEATURE, NODE):
            plane.kubectl("apply", "-f", str(COMPONENTS / sink / "rbac.yaml"))
        yield plane
