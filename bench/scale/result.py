"""The results: a record for each system, size and scenario, and the machine."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """The result of one scenario. Seconds are real, except ``life_s``."""

    system: str
    """``node`` or ``nodefeature``, the sink of gfd; ``original``."""
    nodes: int
    scenario: str
    wall_s: float
    life_s: float
    """The simulated time: longer than ``wall_s`` where time is compressed."""
    requests: dict[str, int]
    """Verb -> requests for Nodes and NodeFeatures, counted by the server; watches by the agents."""
    p50_s: float | None
    """Upper bound of the bucket in the server's histogram, without watches; None if there are no requests."""
    p99_s: float | None
    queued_p99_s: float | None
    """The same for the time in the queues of API Priority and Fairness, over all requests."""
    server_cpu_s: float
    etcd_cpu_s: float
    driver_cpu_s: float
    """CPU of agents, judge and measurement."""
    foreign_cpu_s: float
    """CPU of all other processes on the machine."""
    server_mib: int
    """Resident memory at the end."""
    driver_mib: int
    """Resident memory of the processes that drive the agents, at the end."""
    watches: int
    """Open watches at the end, counted by the server."""
    right_s: float | None
    """From the start until the last node was right; None if one never was."""
    watching_s: float | None = None
    """From the start until all watches were open; None if they were open all the time, or never are."""
    delays_s: dict[str, float] = field(default_factory=dict)
    """From each change until others see the label: ``p50``, ``p99``, ``worst``."""
    changes: int = 0
    """Changes of the hardware."""
    writes: int = 0
    """Writes of the agents, without those of NFD's master. One for each change is needed."""
    most_writes: int = 0
    """Writes of the agent with the most."""
    errors: dict[str, int] = field(default_factory=dict)
    """Status -> requests with 429 and 5xx, counted by the server."""
    failures: dict[str, int] = field(default_factory=dict)
    """Status or kind of error -> failed requests, counted by the agents."""
    lost: int = 0
    """Labels that a node had, should have kept, and once did not have."""
    wrong: int = 0
    """Nodes that were not right at the end."""


def machine() -> dict[str, str]:
    """Return a description of this machine."""
    info = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "")
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": model or platform.machine(),
        "cores": str(os.cpu_count()),
        "memory": f"{pages / 2**30:.0f} GiB",
        "system": platform.release(),
        "python": platform.python_version(),
    }


def save(file: Path, about: dict[str, Any], measured: list[Measurement]) -> None:
    """Write the results as JSON."""
    content = {**about, "measured": [asdict(each) for each in measured]}
    file.write_text(json.dumps(content, indent=1) + "\n")


def load(files: list[Path]) -> list[Measurement]:
    """Return the results of several runs; the last run of a scenario wins."""
    found: dict[tuple[str, int, str], Measurement] = {}
    for file in files:
        for each in json.loads(file.read_text())["measured"]:
            found[each["system"], each["nodes"], each["scenario"]] = Measurement(**each)
    return list(found.values())
