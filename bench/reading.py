"""``gfd nodes`` of 5,000 nodes and 50,000 pods beside Python programs that only read the same JSON.

Once from files, and once over HTTP. The ratio is that to the reader with the lowest median. The readers keep
everything that they read, one file or page at a time, with the garbage collector off, as is fastest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from bench import population, processes, programs
from bench.figure import GFD, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZE = 5000
LOADERS = {"json": "json.loads", "orjson": "orjson.loads", "msgspec": "msgspec.json.decode"}
FROM_FILES = """
import gc, sys, {module}
gc.disable()
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        {load}(file.read())
"""
FROM_SERVER = """
import gc, http.client, sys, {module}
gc.disable()
server = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for name in ("nodes", "pods"):
    token = ""
    while token is not None:
        server.request("GET", f"/api/v1/{{name}}?limit=500" + (f"&continue={{token}}" if token else ""))
        token = {load}(server.getresponse().read())["metadata"].get("continue")
"""


def measure(folder: Path, runs: int) -> Iterator[Figure]:
    """Yield wall, CPU and peak memory of gfd and of each reader that is installed, and the ratios."""
    nodes = population.write(folder / "nodes.json", population.describe_nodes(SIZE))
    pods = population.write(folder / "pods.json", population.describe_pods(population.describe_nodes(SIZE)))
    files = [str(nodes), str(pods)]
    mib = sum(Path(file).stat().st_size for file in files) / 2**20
    for form in ("table", "json"):
        argvs = {
            GFD: [*programs.PYTHON, "-m", "gfd", "nodes", f"--nodes={nodes}", f"--pods={pods}", "-o", form]
        }
        yield from compare(
            f"files, -o {form}", f"{mib:.0f} MiB", argvs | make_readers(FROM_FILES, files), runs
        )
    with serve(folder) as port:
        argvs = {GFD: [*programs.PYTHON, "-m", "gfd", "nodes", f"--kubeconfig={folder / 'kubeconfig'}"]}
        yield from compare("HTTP", "the same", argvs | make_readers(FROM_SERVER, [port]), runs)


def make_readers(code: str, words: list[str]) -> dict[str, list[str]]:
    """Return the command of each reader whose module is installed."""
    return {
        f"reading with {module}": [*programs.PYTHON, "-c", code.format(module=module, load=load), *words]
        for module, load in LOADERS.items()
        if find_spec(module)
    }


def compare(name: str, node: str, argvs: dict[str, list[str]], runs: int) -> Iterator[Figure]:
    """Run the programs in turn; yield what they used, and gfd's share of the fastest reader's time."""
    used: dict[str, list[processes.Used]] = {program: [] for program in argvs}
    for _ in range(max(3, runs // 2)):
        for program, argv in argvs.items():
            used[program].append(processes.run(argv, dict(os.environ)))
    benchmark = f"gfd nodes, {SIZE:,} nodes from {name}"
    yield from processes.figures(benchmark, node, used)
    for quantity, _, field in processes.USED[:2]:
        medians = {
            program: median(float(getattr(each, field)) for each in found)
            for program, found in used.items()
            if program != GFD
        }
        fastest = min(medians, key=lambda program: medians[program])
        ratios = [
            getattr(own, field) / getattr(other, field)
            for own, other in zip(used[GFD], used[fastest], strict=True)
        ]
        yield Figure(
            benchmark=benchmark,
            node=node,
            name=f"{quantity}: ratio to {fastest}",
            unit="",
            samples={GFD: ratios},
        )


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the population in ``folder``, and write a kubeconfig there; yield the port."""
    command = [sys.executable, str(Path(__file__).with_name("page_server.py")), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            config = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                "users": [{"name": "u", "user": {}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
            (folder / "kubeconfig").write_text(json.dumps(config), encoding="utf-8")
            yield port
        finally:
            server.terminate()
