"""A gfd that runs as a service on the stand-in driver, for tests."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gfd.simulation import machines
from tests.standin import Standin, build, environment, from_inventory

PATIENCE_S = 15.0
A100 = from_inventory(machines.read("mig-doc", "all-disabled"))
MIG = from_inventory(machines.read("mig-doc", "all-1g.5gb"))


def wait(condition: Callable[[], Any], what: str) -> Any:
    deadline_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline_s:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_S} s in vain for {what}")


class Service:
    """A running gfd, its feature file and its log."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self.folder = folder
        self.process = process

    @property
    def file(self) -> Path:
        return self.folder / "features.d" / "gfd"

    @property
    def labels(self) -> dict[str, str]:
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        return {line.split("=")[0].removeprefix("nvidia.com/"): line.split("=")[1] for line in lines}

    def log(self, event: str = "") -> list[dict[str, Any]]:
        # A line that is being written may show in part.
        lines = (self.folder / "log").read_text().rpartition("\n")[0].splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in events if event in ("", entry["event"])]

    def play(self, machine: Standin) -> None:
        play(self.folder, machine)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, float]:
        started_s = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S), time.monotonic() - started_s


def play(folder: Path, machine: Standin) -> None:
    machine.write(folder / "new").replace(folder / "machine")


@contextmanager
def serve(
    folder: Path,
    *arguments: str,
    machine: Standin = A100,
    library: bool = True,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Service]:
    (folder / "features.d").mkdir(exist_ok=True)
    play(folder, machine)
    # The loader remembers a folder that was not there.
    (folder / "lib").mkdir(exist_ok=True)
    if library:
        build(folder / "lib")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(
                    sys.executable,
                    "-m",
                    "gfd",
                    "--log-level=debug",
                    "--log-format=json",
                    "--sleep-interval=100ms",
                    # Nothing of the machine that runs the tests.
                    "--machine-type-file=",
                    "--proc-driver-dir=",
                ),
                *("-o", str(folder / "features.d" / "gfd"), *arguments),
            ],
            env=environment(folder / "lib", folder / "machine", folder / "calls") | dict(environ or {}),
            stderr=log,
        )
    try:
        yield Service(folder, process)
    finally:
        # Killed, it could not write down what of it was covered.
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def fetch(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
