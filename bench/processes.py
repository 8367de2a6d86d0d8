"""Run programs and measure what they use."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CYCLE_ENDS = (b"cycle.published", b"Sleeping for ")
"""The log lines that gfd and the original write once per cycle."""
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one run of a program used, with its children."""

    wall_ms: float
    cpu_ms: float
    peak_mib: float
    """Resident memory of the largest process."""


USED = (("wall", "ms", "wall_ms"), ("CPU", "ms", "cpu_ms"), ("peak memory", "MiB", "peak_mib"))


def figures(benchmark: str, node: str, used: dict[str, list[Used]]) -> Iterator[Figure]:
    """Yield the figures of the runs of several programs."""
    for name, unit, field in USED:
        samples = {
            program: [float(getattr(each, field)) for each in found] for program, found in used.items()
        }
        yield Figure(benchmark=benchmark, node=node, name=name, unit=unit, samples=samples)


def run(argv: list[str], environ: dict[str, str]) -> Used:
    """Run a program to its end. Raises RuntimeError if it fails."""
    with tempfile.NamedTemporaryFile() as said:
        once = [sys.executable, "-I", "-S", str(Path(__file__).with_name("once.py")), said.name, *argv]
        ended = subprocess.run(
            once, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False
        )
        if ended.returncode:
            raise RuntimeError(f"{argv} failed: {ended.stderr.decode(errors='replace').strip()[-500:]}")
        wall_ms, cpu_ms, peak_kib = map(float, Path(said.name).read_text().split())
    return Used(wall_ms=wall_ms, cpu_ms=cpu_ms, peak_mib=peak_kib / 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running service and its processes."""

    pid: int
    log: Path
    """Its standard error."""

    def cycles(self) -> int:
        """Return how many cycles have ended; gfd logs them at level debug."""
        said = self.log.read_bytes()
        return sum(said.count(words) for words in CYCLE_ENDS)

    def pids(self) -> list[int]:
        """Return the process IDs of the service and its descendants."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split() if int(child) not in found]
        return found

    def cpu_ms(self) -> float:
        """Return the CPU time of all processes: in nanoseconds, for ended ones in clock ticks."""
        total_ms = 0.0
        for pid in self.pids():
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total_ms += sum(map(int, words[13:15])) * TICK_MS
            for task in Path(f"/proc/{pid}/task").iterdir():
                total_ms += int((task / "schedstat").read_text().split()[0]) / 1e6
        return total_ms

    def memory_mib(self) -> dict[str, float]:
        """Return resident, proportional and private memory of all processes."""
        totals = dict.fromkeys(("resident", "proportional", "private"), 0.0)
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            facts = {name: int(size) / 1024 for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
            totals["resident"] += facts["Rss"]
            totals["proportional"] += facts["Pss"]
            totals["private"] += facts["Private_Clean"] + facts["Private_Dirty"]
        return totals

    def switches(self) -> dict[str, int]:
        """Return the voluntary and nonvoluntary context switches of all threads."""
        totals = dict.fromkeys(("voluntary", "nonvoluntary"), 0)
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                found = re.findall(
                    r"^(\w+)_ctxt_switches:\t(\d+)", (task / "status").read_text(), re.MULTILINE
                )
                for kind, count in found:
                    totals[kind] += int(count)
        return totals


def writing(output: Path) -> Callable[[], bool]:
    """Remove the feature file; return a function that tells whether it is there again."""
    output.unlink(missing_ok=True)
    return output.exists


@contextmanager
def serve(argv: list[str], environ: dict[str, str], has_begun: Callable[[], bool]) -> Iterator[Service]:
    """Run a service in the ``with`` block, which starts once the labels are written."""
    with tempfile.NamedTemporaryFile() as log:
        process = subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, stderr=log)
        service = Service(pid=process.pid, log=Path(log.name))
        try:
            deadline_s = time.monotonic() + 30
            while not has_begun():
                if process.poll() is not None or time.monotonic() > deadline_s:
                    said = service.log.read_text(errors="replace")
                    raise RuntimeError(f"{argv} writes no labels: {said[-500:]}")
                time.sleep(0.05)
            time.sleep(1)
            yield service
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
