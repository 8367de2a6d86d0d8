"""gfd without /proc, as in a chroot or a sandbox: in a mount namespace where /proc is empty."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.running import A100
from tests.standin import build, environment
from tests.worker.test_child_process import wait_until

pytestmark = pytest.mark.whole

STATM = (
    "/proc/self/statm: No such file or directory; "
    "mount /proc, which gfd needs to limit the memory of templates"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "features.d").mkdir()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates" / "mine.j2").write_text("nvidia.com/mine=1\n")
    A100.write(tmp_path / "machine")
    build(tmp_path / "lib")
    return tmp_path


def start(folder: Path, *arguments: str, log: Path) -> subprocess.Popen[str]:
    """Start gfd without /proc; its process has the pid of the returned one. ``log`` gets standard error."""
    command = shlex.join([sys.executable, "-m", "gfd", *arguments])
    with log.open("w") as file:
        return subprocess.Popen(
            ("unshare", "-m", "sh", "-c", f"mount -t tmpfs none /proc || exit 97; exec {command}"),
            env=environment(folder / "lib", folder / "machine"),
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        )


def finish(process: subprocess.Popen[str], log: Path) -> tuple[int, str, str]:
    """Return exit code, output and errors; skip the test if no file system may be mounted here."""
    output, _ = process.communicate(timeout=60)
    errors = log.read_text()
    if process.returncode == 97 or "unshare failed" in errors:
        pytest.skip("no file system may be mounted here")
    return process.returncode, output, errors


def run(folder: Path, *arguments: str) -> tuple[int, str, str]:
    log = folder / "log"
    return finish(start(folder, *arguments, log=log), log)


def test_commands(folder: Path) -> None:
    code, output, errors = run(folder, "dump", "-o", "json")
    assert (code, errors) == (0, "")
    assert json.loads(output)["nvidia.com/gpu.count"] == "1"
    assert run(folder, "dump", "--template-dir=templates") == (1, "", f"gfd: {STATM}\n")


@pytest.mark.parametrize("with_templates", [False, True])
def test_the_service(folder: Path, with_templates: bool) -> None:
    options = ["-o", "features.d/gfd", "--sleep-interval=100ms", "--log-format=json"]
    if with_templates:
        options += ["--template-dir=templates", "--fail-on-init-error=false"]
    log = folder / "log"
    service = start(folder, *options, log=log)
    is_done = wait_until(lambda: "cycle." in log.read_text() or service.poll() is not None, patience_s=30)
    service.terminate()
    code, _, errors = finish(service, log)
    assert (is_done, code) == (True, 0)
    entries = map(json.loads, errors.splitlines())
    # On a busy machine a cycle can take longer than its interval.
    first, second, *others = [entry for entry in entries if not entry["event"].startswith("interval.")]
    assert first["event"] == "service.started"
    assert [entry["event"] for entry in others] == ["service.stopped"]
    if with_templates:
        assert (second["event"], second["reason"]) == ("cycle.failed", STATM)
    else:
        assert (second["event"], second["gpus"]) == ("cycle.published", 1)
