"""The sandbox of a Pod: a root directory, mounts and process namespace of its own, shared by its containers.

It needs root, as a container runtime does. The root directory is the machine's, without /etc, /run and /sys.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.controlplane import wait_for

_SCRIPT = """
    set -eu
    mount --make-rprivate /
    mount -t tmpfs none "$ROOT"
    for each in /*; do
        name=${each#/}
        if [ -h "$each" ]; then cp -a "$each" "$ROOT/$name"; continue; fi
        [ -d "$each" ] || continue
        mkdir -p "$ROOT/$name"
        case $name in etc|run|sys|proc) continue ;; esac
        mount --rbind "$each" "$ROOT/$name"
    done
    # Where programs find their libraries.
    cp -a /etc/ld.so* "$ROOT/etc/" 2>/dev/null || :
    [ -h "$ROOT/var/run" ] || mount -t tmpfs none "$ROOT/var/run"
    mount -t proc none "$ROOT/proc"
    exec chroot "$ROOT" sh -c "$INSIDE"
"""
_INSIDE = """
    set -eu
    set -- $MOUNTS
    while [ $# -gt 0 ]; do
        mkdir -p "$1"
        mount --bind "$2" "$1"
        shift 2
    done
    touch /run/sandbox-is-ready
    exec sleep infinity
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    pid: int
    """Its first process, as the machine sees it."""

    def start(self, *command: str, environ: Mapping[str, str], log: Path) -> subprocess.Popen[bytes]:
        """Start a container's process; standard error goes to ``log``."""
        nsenter = shutil.which("nsenter") or "nsenter"  # PATH is that of the container
        enter = (nsenter, f"--target={self.pid}", "--mount", "--pid", "--root", "--wd=/")
        with log.open("ab") as file:
            return subprocess.Popen((*enter, *command), env=dict(environ), stdout=file, stderr=file)


def find_child(process: subprocess.Popen[bytes]) -> int:
    """Return the process that nsenter or unshare started, as the machine sees it."""
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return int(wait_for(lambda: file.read_text().split(), "a child of the process", 10)[0])


def terminate(process: subprocess.Popen[bytes]) -> int:
    """End a container's process, as the kubelet does, and return its exit code."""
    if process.poll() is None:
        os.kill(find_child(process), signal.SIGTERM)
    return process.wait(15)


@contextmanager
def sandbox(folder: Path, mounts: Mapping[str, Path]) -> Iterator[Sandbox]:
    """Yield a sandbox with these directories mounted, by target."""
    if os.geteuid() or not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("the sandbox of a Pod needs root, unshare and nsenter")
    root = folder / "root"
    root.mkdir()
    pairs = " ".join(f"{target} {source}" for target, source in mounts.items())
    log = folder / "sandbox.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ("unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", _SCRIPT),
            env={**os.environ, "ROOT": str(root), "INSIDE": _INSIDE, "MOUNTS": pairs},
            stderr=file,
        )
    try:
        pid = find_child(process)
        ready = Path(f"/proc/{pid}/root/run/sandbox-is-ready")

        def is_ready() -> bool:
            assert process.poll() is None, log.read_text()
            return ready.exists()

        wait_for(is_ready, "the sandbox", 10)
        yield Sandbox(pid=pid)
    finally:
        process.kill()
        process.wait()
