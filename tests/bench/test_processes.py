"""What a program uses is its own, and only cycles that have ended are counted."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from bench.figure import Figure
from bench.processes import Service, Used, figures, run, serve, writing

PYTHON = (sys.executable, "-I", "-S", "-c")
ENVIRON = dict(os.environ)


def test_a_peak_is_that_of_the_program_not_of_who_measures() -> None:
    held = bytearray(b"x") * 100_000_000
    small = run([*PYTHON, "pass"], ENVIRON)
    large = run([*PYTHON, "held = bytearray(b'x') * 60_000_000"], ENVIRON)
    assert len(held) / 2**20 > 95
    assert small.peak_mib < 30
    assert 57 < large.peak_mib < 90


def test_time_is_told_apart_from_work_and_children_count() -> None:
    slept = run([*PYTHON, "import time; time.sleep(0.3)"], ENVIRON)
    assert slept.wall_ms >= 300
    assert slept.cpu_ms < 250
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-I', '-S', '-c', {spin!r}])"
    assert run([*PYTHON, parent], ENVIRON).cpu_ms >= 300


def test_a_program_that_fails_is_no_measurement() -> None:
    with pytest.raises(RuntimeError, match=r"failed: no such thing$"):
        run([*PYTHON, "import sys; sys.exit('no such thing')"], ENVIRON)


def test_figures_of_runs() -> None:
    used = [Used(wall_ms=3.0, cpu_ms=2.0, peak_mib=1.0), Used(wall_ms=6.0, cpu_ms=5.0, peak_mib=4.0)]
    assert list(figures("one-shot", "no GPU", {"gfd": used})) == [
        Figure(benchmark="one-shot", node="no GPU", name=name, unit=unit, samples={"gfd": values})
        for name, unit, values in (
            ("wall", "ms", [3.0, 6.0]), ("CPU", "ms", [2.0, 5.0]), ("peak memory", "MiB", [1.0, 4.0]),
        )
    ]  # fmt: skip


def test_cycles_are_counted_where_they_end(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(
        '{"event": "service.started"}\n{"event": "cycle.published"}\n{"event": "cycle.published"}\n'
        "I1125 03:20:40.676749    6889 main.go:294] Sleeping for 200ms\nCreating Labels\n"
    )
    assert Service(pid=1, log=log).cycles() == 3


def test_waking_is_told_apart_from_being_put_aside(tmp_path: Path) -> None:
    output = tmp_path / "labels"
    sleeper = f"import time; open({str(output)!r}, 'w')\nwhile True: time.sleep(0.01)"
    with serve([*PYTHON, sleeper], ENVIRON, writing(output)) as service:
        before = service.switches()["voluntary"]
        time.sleep(1)
        assert 20 < service.switches()["voluntary"] - before <= 101


def test_a_service_that_does_not_begin_says_why(tmp_path: Path) -> None:
    output = tmp_path / "labels"
    output.write_text("of the one before")
    begun = writing(output)
    assert not output.exists()
    with (
        pytest.raises(RuntimeError, match=r"writes no labels: cannot\n$"),
        serve([*PYTHON, "import sys; sys.exit('cannot')"], ENVIRON, begun),
    ):
        pass
