"""The programs that are compared, and what they use while they run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.figure import GFD, ORIGINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

PYTHON = [sys.executable, *(["-S"] if sys.flags.no_site else [])]
COMMON = ("--no-timestamp", "--mig-strategy=mixed")
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")


def compared() -> dict[str, list[str]]:
    """Return gfd, and the original where ``GFD_PEER`` names it."""
    programs = {GFD: [*PYTHON, "-m", "gfd", *COMMON]}
    if peer := os.environ.get("GFD_PEER"):
        programs[ORIGINAL] = [peer, *COMMON, "--use-node-feature-api=false"]
    return programs


def build_floor(folder: Path) -> Path:
    """Compile the C program that makes the same NVML calls."""
    source, program = Path(__file__).with_name("floor.c"), folder / "floor"
    subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", program, source, "-ldl"], check=True)
    return program


def run(argv: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """Run a program to its end; return wall and CPU milliseconds, those of its children included."""
    started_s = time.perf_counter()
    process = subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took_ms = (time.perf_counter() - started_s) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{argv} ended with {process.returncode}")
    return took_ms, (used.ru_utime + used.ru_stime) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A program that runs on, and the processes it has."""

    pid: int

    def pids(self) -> list[int]:
        """Return the program and its descendants."""
        found = [self.pid]
        for pid in found:
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                found += [int(child) for child in task.read_text().split() if int(child) not in found]
        return found

    def cpu_ms(self) -> float:
        """Return what all of them have used, those that ended included."""
        total = 0
        for pid in self.pids():
            words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += sum(map(int, words[11:15]))
        return total * TICK_MS

    def memory_mib(self) -> dict[str, float]:
        """Return resident, proportional and private memory of all of them."""
        totals = dict.fromkeys(("resident", "proportional", "private"), 0.0)
        for pid in self.pids():
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
            facts = {name: int(size) / 1024 for name, size in re.findall(r"(\w+): +(\d+) kB", text)}
            totals["resident"] += facts["Rss"]
            totals["proportional"] += facts["Pss"]
            totals["private"] += facts["Private_Clean"] + facts["Private_Dirty"]
        return totals

    def switches(self) -> int:
        """Return how often their threads have been put to sleep or aside."""
        total = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                found = re.findall(r"ctxt_switches:\t(\d+)", (task / "status").read_text())
                total += sum(map(int, found))
        return total


@contextmanager
def serve(argv: list[str], environ: dict[str, str], output: Path) -> Iterator[Service]:
    """Start a service, wait until it has written its labels, and end it at last."""
    output.unlink(missing_ok=True)
    process = subprocess.Popen(argv, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline_s = time.monotonic() + 30
        while not output.exists():
            if process.poll() is not None or time.monotonic() > deadline_s:
                raise RuntimeError(f"{argv} writes no labels")
            time.sleep(0.05)
        time.sleep(1)
        yield Service(pid=process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
