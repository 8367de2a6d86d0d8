"""The commands for people, ``gfd nodes``, ``match`` and ``report``, against clusters of growing size.

From files, as kubectl printed them, so that no server's time is measured; ``gfd nodes`` and ``match`` read
pods, too. The original has nothing like these; beside gfd stands what Python needs only to read the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from bench import population, processes, programs
from bench.figure import GFD, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZES = (10, 100, 1000, 5000)
FLOOR = "reading the JSON alone"
LOAD = "import json, sys; [json.load(open(name)) for name in sys.argv[1:]]"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: wanting}
spec:
  nodeSelector: {nvidia.com/gpu.product: Tesla-V100-SXM2-16GB}
  containers:
  - {name: main, image: none, resources: {limits: {nvidia.com/gpu: 1}}}
"""


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield wall, CPU and peak memory of each command by the size of the cluster; a fifth of ``runs``."""
    pod = folder / "pod.yaml"
    pod.write_text(POD)
    for size in SIZES:
        nodes = population.write(folder / "nodes.json", population.describe_nodes(size))
        pods = population.write(
            folder / "pods.json", population.describe_pods(population.describe_nodes(size))
        )
        asked = {
            "nodes": (["nodes", f"--nodes={nodes}", f"--pods={pods}"], [nodes, pods]),
            "match": (["match", str(pod), f"--nodes={nodes}", f"--pods={pods}"], [nodes, pods]),
            "report": (["report", f"--html={folder / 'page.html'}", f"--nodes={nodes}"], [nodes]),
        }
        for command, (words, files) in asked.items():
            argvs = {
                GFD: [*programs.PYTHON, "-m", "gfd", *words],
                FLOOR: [*programs.PYTHON, "-c", LOAD, *map(str, files)],
            }
            used: dict[str, list[processes.Used]] = {name: [] for name in argvs}
            for _ in range(max(3, runs // 5)):
                for name, argv in argvs.items():
                    used[name].append(processes.run(argv, dict(os.environ)))
            of = f"{size:,} nodes, {sum(file.stat().st_size for file in files) / 2**20:.1f} MiB"
            yield from processes.figures(f"gfd {command}", of, used)
