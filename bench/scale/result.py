"""What was measured: a record for each scenario of a system at a size, and on what machine."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One scenario. Seconds are real ones, but for those of ``life_s``."""

    system: str
    """``node`` or ``nodefeature``, the sink of gfd; ``original``."""
    nodes: int
    scenario: str
    wall_s: float
    life_s: float
    """What the scenario stands for: longer than ``wall_s`` where time is compressed."""
    requests: dict[str, int]
    """Verb -> requests for Nodes and NodeFeatures that the server counted; watches by who asked for them."""
    p50_s: float | None
    """Upper bound of the bucket of the server's histogram, watches left out; None without requests."""
    p99_s: float | None
    queued_p99_s: float | None
    """The same of the time in the queues of API priority and fairness, over all requests."""
    server_cpu_s: float
    etcd_cpu_s: float
    driver_cpu_s: float
    """Of agents, judge and measurement."""
    foreign_cpu_s: float
    """Of whatever else ran on the machine."""
    server_mib: int
    """Resident, at the end."""
    driver_mib: int
    """Resident memory of the processes that drive the agents, at the end."""
    watches: int
    """Open at the end, by the server's count."""
    right_s: float | None
    """From the beginning until the last node was right; None where one never was."""
    watching_s: float | None = None
    """From the beginning until all agents watched; None where they watched all the time, or never do."""
    delays_s: dict[str, float] = field(default_factory=dict)
    """From each change to the label that others see: ``p50``, ``p99``, ``worst``."""
    changes: int = 0
    """What really changed."""
    writes: int = 0
    """By agents, of which the server wants one for each change; those of NFD's master are not among them."""
    most_writes: int = 0
    """By the agent that wrote most."""
    errors: dict[str, int] = field(default_factory=dict)
    """Code -> requests, 429 and 5xx, as the server counted them."""
    failures: dict[str, int] = field(default_factory=dict)
    """Code or kind -> requests that failed for the agents, connections included."""
    lost: int = 0
    """Labels that a node had and should have kept, and had not for a time."""
    wrong: int = 0
    """Nodes that were not right at the end."""


def machine() -> dict[str, str]:
    """Return what this was measured on."""
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
    """Write everything as JSON."""
    content = {**about, "measured": [asdict(each) for each in measured]}
    file.write_text(json.dumps(content, indent=1) + "\n")


def load(files: list[Path]) -> list[Measurement]:
    """Return what several runs have measured; of the same scenario the later one."""
    found: dict[tuple[str, int, str], Measurement] = {}
    for file in files:
        for each in json.loads(file.read_text())["measured"]:
            found[each["system"], each["nodes"], each["scenario"]] = Measurement(**each)
    return list(found.values())
