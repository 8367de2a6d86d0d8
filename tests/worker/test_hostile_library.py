"""A driver's library that prints, writes to gfd's pipes, and reads standard input."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gfd.errors import MalformedAnswer, ProbeError
from gfd.inventory.progress import Progress
from gfd.simulation import machines
from gfd.worker import child_process
from gfd.worker.fork_server import ForkServer
from gfd.worker.library_output import MAX_LINES, LibraryOutput
from tests.agent.running import serve, wait
from tests.standin import Fault, build, environment, from_inventory
from tests.worker.test_fork_server import children, request

pytestmark = pytest.mark.whole

A100 = from_inventory(machines.read("mig-doc", "all-disabled"))
COMMANDS = (
    ("dump", "-o", "json", "--no-timestamp"),
    ("--oneshot", "--output-file=", "--no-timestamp"),
    ("snapshot",),
    ("doctor", "-o", "json", "--sink=stdout"),
)
FORGED = '{"answer": {"labels": {"nvidia.com/gpu.count": "99"}}}\n'
MALFORMED = "the process that reads the hardware sent a malformed answer"


def run_gfd(folder: Path, *arguments: str, faults: tuple[Fault, ...] = ()) -> tuple[int, str, str]:
    build(folder / "lib")
    described = replace(A100, faults=faults).write(folder / "machine")
    done = subprocess.run(
        [sys.executable, "-m", "gfd", *arguments, "--machine-type-file="],
        env=environment(folder / "lib", described, folder / "calls"),
        input="secret",
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_what_the_library_prints_is_only_a_warning(tmp_path: Path, command: tuple[str, ...]) -> None:
    code, quiet, _ = run_gfd(tmp_path, *command)
    loud = (
        Fault(function="load", prints="loaded\n"),
        Fault(function="nvmlDeviceGetUUID", prints=f"\n{FORGED}"),
        Fault(function="nvmlShutdown", prints=b"\xff\x1b[31m no end"),
    )
    found = run_gfd(tmp_path, *command, faults=loud)
    assert found[:2] == (code, quiet)
    said = found[2].splitlines()
    begin = "gfd: warning: the driver's library printed: "
    assert f"{begin}loaded" in said
    assert f"{begin}{FORGED.strip()}" in said
    assert any(line.startswith(f"{begin}\ufffd\\x1b[31m no end") for line in said)
    assert all(line.startswith("gfd: ") for line in said)


def test_a_flood_of_lines_is_limited(tmp_path: Path) -> None:
    flood = (Fault(function="nvmlDeviceGetName", prints=f"{'x' * 60}\n", times=200_000),)
    code, out, err = run_gfd(tmp_path, *COMMANDS[0], faults=flood)
    assert code == 0
    assert out.startswith("{\n")
    lines = err.splitlines()
    assert len(lines) == MAX_LINES + 1
    assert lines[-1] == f"gfd: warning: the driver's library printed {200_000 - MAX_LINES} more lines"


@pytest.mark.parametrize("text", ["word", "word\n", FORGED, b"\xff\n", "=\n"])
def test_a_forged_answer_is_an_error(tmp_path: Path, text: str | bytes) -> None:
    code, out, err = run_gfd(
        tmp_path, *COMMANDS[0], faults=(Fault(function="nvmlDeviceGetName", scribbles=text),)
    )
    assert (code, out) == (1, "")
    assert err.startswith(f"gfd: {MALFORMED}")
    assert len(err.splitlines()) == 1


def test_the_library_reads_an_empty_standard_input(tmp_path: Path) -> None:
    assert run_gfd(tmp_path, *COMMANDS[0], faults=(Fault(function="nvmlDeviceGetName", drinks=True),))[0] == 0
    assert "nvmlDeviceGetName drank 0" in (tmp_path / "calls").read_text().splitlines()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    build(tmp_path / "lib")
    A100.write(tmp_path / "machine")
    for name, value in environment(tmp_path / "lib", tmp_path / "machine", tmp_path / "calls").items():
        monkeypatch.setenv(name, value)
    started = ForkServer(clock=lambda: 0.0)
    yield started
    started.close()


def test_a_fork_server_survives_a_hostile_library(server: ForkServer, tmp_path: Path) -> None:
    """The library can reach neither the fork server nor its pipes."""
    asked = request(no_timestamp="true")
    before = server.label(asked)
    for fault in (
        Fault(function="nvmlDeviceGetUUID", scribbles=FORGED),
        Fault(function="nvmlDeviceGetUUID", scribbles="+=\n" * 20_000),
        Fault(function="nvmlShutdown", scribbles="\n"),
    ):
        replace(A100, faults=(fault,)).write(tmp_path / "machine")
        with pytest.raises(ProbeError, match=MALFORMED):
            server.label(asked)
        A100.write(tmp_path / "machine")
        assert server.label(asked) == before
    assert server.failures == 0
    assert server.take_library_output() is None
    replace(A100, faults=(Fault(function="nvmlInitWithFlags", prints="a\n", times=100, drinks=True),)).write(
        tmp_path / "machine"
    )
    for _ in range(2):
        assert server.label(asked) == before
    # Reported once a minute, and this clock stands still.
    assert server.take_library_output() == LibraryOutput(lines=("a",) * MAX_LINES, dropped=200 - MAX_LINES)
    assert server.label(asked) == before
    assert server.take_library_output() is None
    assert "nvmlInitWithFlags drank 0" in (tmp_path / "calls").read_text().splitlines()


def test_the_service_logs_what_the_library_prints_once(tmp_path: Path) -> None:
    loud = replace(A100, faults=(Fault(function="nvmlSystemGetDriverVersion", prints="NVRM: a\n", times=12),))
    with serve(tmp_path, machine=loud) as service:
        wait(lambda: service.labels.get("gpu.count") == "1", "labels")
        wait(lambda: len(service.log("cycle.published")) > 5, "cycles")
        (told,) = service.log("driver.printed")
        assert told["level"] == "warning"
        assert told["lines"] == ["NVRM: a"] * MAX_LINES
        assert told["dropped"] == 2
        forging = Fault(function="nvmlSystemGetDriverVersion", scribbles=FORGED)
        service.play(replace(A100, faults=(forging,)))
        wait(lambda: len(service.log("cycle.failed")) > 2, "failures")
        assert [entry["level"] for entry in service.log("cycle.failed")].count("warning") == 1
        assert service.labels["gpu.count"] == "1"
        service.play(A100)
        wait(lambda: service.log("cycle.recovered"), "the recovery")
        assert all(line.startswith("{") for line in (tmp_path / "log").read_text().splitlines())


@given(st.binary(min_size=1), st.booleans())
@example(b"x" * 200_000, False)
@example(b'{"answer": {}}\n', True)
@example(b"\n", True)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_rubbish_on_the_answer_pipe(rubbish: bytes, answers: bool) -> None:
    ours = set(os.listdir("/proc/self/fd"))

    def meddle(progress: Progress) -> dict[str, Any]:
        for name in set(os.listdir("/proc/self/fd")) - ours:
            try:
                os.write(int(name), rubbish)
            except OSError:  # a read end, or the folder that listdir has closed
                continue
        if not answers:
            os._exit(0)
        return {}

    with pytest.raises(ProbeError) as failed:
        child_process.run(meddle, 30)
    is_line = answers or rubbish.endswith(b"\n")
    assert isinstance(failed.value, MalformedAnswer) or not is_line
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_answer_that_is_too_long() -> None:
    with pytest.raises(MalformedAnswer):
        child_process.run(lambda progress: {"text": "x" * (17 << 20)}, 30)


def test_the_fork_server_has_a_session_of_its_own(server: ForkServer) -> None:
    before = set(children())
    server.label(request())
    (pid,) = set(children()) - before
    assert os.getsid(pid) == pid


def test_the_kernel_kills_children_first() -> None:
    def read_score(_progress: Progress) -> dict[str, Any]:
        return {"score": int(Path("/proc/self/oom_score_adj").read_text())}

    own_score = int(Path("/proc/self/oom_score_adj").read_text())
    assert child_process.run(read_score, 30) == {"score": min(1000, own_score + 300)}
