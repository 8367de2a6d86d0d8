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


def run(folder: Path, *arguments: str, seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run gfd; after ``seconds``, if given, send it SIGTERM."""
    ended = () if seconds is None else ("timeout", "--preserve-status", "-s", "TERM", str(seconds))
    command = shlex.join([*ended, sys.executable, "-m", "gfd", *arguments])
    done = subprocess.run(
        ("unshare", "-m", "sh", "-c", f"mount -t tmpfs none /proc || exit 97; exec {command}"),
        env=environment(folder / "lib", folder / "machine"),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if done.returncode == 97 or "unshare failed" in done.stderr:
        pytest.skip("no file system may be mounted here")
    return done


def test_commands(folder: Path) -> None:
    done = run(folder, "dump", "-o", "json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["nvidia.com/gpu.count"] == "1"
    done = run(folder, "dump", "--template-dir=templates")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"gfd: {STATM}\n")


@pytest.mark.parametrize("with_templates", [False, True])
def test_the_service(folder: Path, with_templates: bool) -> None:
    options = ["-o", "features.d/gfd", "--sleep-interval=100ms", "--log-format=json"]
    if with_templates:
        options += ["--template-dir=templates", "--fail-on-init-error=false"]
    done = run(folder, *options, seconds=2.5)
    assert done.returncode == 0
    entries = map(json.loads, done.stderr.splitlines())
    # On a busy machine a cycle can take longer than its interval.
    first, second, *others = [entry for entry in entries if not entry["event"].startswith("interval.")]
    assert first["event"] == "service.started"
    assert [entry["event"] for entry in others] == ["service.stopped"]
    if with_templates:
        assert (second["event"], second["reason"]) == ("cycle.failed", STATM)
    else:
        assert (second["event"], second["gpus"]) == ("cycle.published", 1)
