"""Nodes and pods for ``gfd nodes``, and the command as it is typed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gfd.errors import ApiError
from gfd.kube.client import Api
from tests.cluster.objects import NODES, Object
from tests.cluster.proxy import Proxy
from tests.tools import make

PODS = "/api/v1/namespaces/default/pods"
PATIENCE_S = 60


def run(kubeconfig: Path | None, *words: str) -> tuple[int, str, str]:
    """Run gfd nodes on a cluster; without a kubeconfig, on the files that the words name."""
    given = () if kubeconfig is None else (f"--kubeconfig={kubeconfig}",)
    command = (sys.executable, "-m", "gfd", "nodes", *given, *words)
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE_S * 2)
    return done.returncode, done.stdout, done.stderr


def cells(text: str) -> list[list[str]]:
    """Return the rows of a table, split, without heading and foot."""
    return [line.split() for line in text.split("\n\n")[0].splitlines()[1:]]


def post(api: Api, item: Object) -> None:
    try:
        api.request("POST", NODES, item)
    except ApiError as error:
        if error.status != 409:
            raise


def make_pod(api: Api, name: str, node: str, gpus: int) -> None:
    pod = make.pod(name, node, {"gpu": gpus})
    pod["spec"]["tolerations"] = [{"operator": "Exists"}]
    api.request("POST", PODS, pod)


def through(proxy: Proxy, tmp_path: Path) -> Path:
    token = tmp_path / "token"
    token.write_text("admin-token")
    return proxy.kubeconfig(tmp_path, token)


class Watching:
    """What ``gfd nodes --watch`` has written so far."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def lines(self) -> list[str]:
        """The complete lines of standard output."""
        return (self.folder / "out").read_text().split("\n")[:-1]

    @property
    def errors(self) -> str:
        return (self.folder / "err").read_text()


@contextmanager
def watching(folder: Path, kubeconfig: Path, *words: str) -> Iterator[Watching]:
    """Run ``gfd nodes --watch``; Ctrl-C has to end it without an error."""
    command = (sys.executable, "-m", "gfd", "nodes", "--watch", f"--kubeconfig={kubeconfig}", *words)
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err)
    seen = Watching(folder)
    try:
        yield seen
        assert process.poll() is None, seen.errors
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE_S) == 0
    finally:
        process.kill()
        process.wait()
