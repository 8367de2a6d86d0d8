"""A registry on loopback for charts and images: Debian's docker-registry."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = "docker-registry"
PATIENCE_S = 30.0


def missing() -> str:
    """Return why no registry can run here, and what to do about it; empty if one can."""
    if shutil.which(PROGRAM):
        return ""
    return f"{PROGRAM}: not on PATH; apt-get install {PROGRAM}"


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Run a registry that keeps its data in ``folder``; yield its address, such as 127.0.0.1:5000."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{found.getsockname()[1]}"
    config = folder / "registry.yaml"
    settings = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": str(folder / "data")}},
        "http": {"addr": address},
    }
    config.write_text(json.dumps(settings))
    with (folder / "registry.log").open("wb") as log:
        # A registry takes its settings from the environment, too.
        process = subprocess.Popen(
            (shutil.which(PROGRAM) or PROGRAM, "serve", config), stdout=log, stderr=log, env={}
        )
    try:
        _wait(process, address, folder / "registry.log")
        yield address
    finally:
        process.kill()
        process.wait()


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    host, _, port = address.partition(":")
    deadline_s = time.monotonic() + PATIENCE_S
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.05)
        else:
            return
