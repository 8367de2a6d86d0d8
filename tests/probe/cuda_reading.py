"""Read stand-in CUDA drivers in one child process, because a library stays loaded."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.inventory import snapshot
from gfd.inventory.model import Inventory
from tests import standin
from tests.standin import cuda

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

READ = """
import json, os, sys
from pathlib import Path
from gfd.errors import GfdError
from gfd.inventory import snapshot
from gfd.probe import tegra

for line in sys.stdin:
    case = json.loads(line)
    os.environ["GFD_STANDIN_CUDA"] = case["description"]
    steps = []
    try:
        driver_root, root = Path(case["driver_root"]), Path(case["root"])
        found = tegra.read(driver_root=driver_root, root=root, progress=steps.append)
        text = snapshot.to_json(found)
    except GfdError as error:
        text = f"{type(error).__name__}: {error}"
    print(json.dumps([text, steps]))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaResult:
    """The inventory of a stand-in or the error as text, and the steps of the read."""

    found: Inventory | str
    steps: tuple[str, ...]


def read_all(folder: Path, cases: Mapping[str, tuple[cuda.CudaStandin, Path]]) -> dict[str, CudaResult]:
    """Read each driver with the strategy tegra; a case has a stand-in and its driver root."""
    root = folder / "root"
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    lines = [
        json.dumps({"description": driver.describe(), "driver_root": str(driver_root), "root": str(root)})
        for driver, driver_root in cases.values()
    ]
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env=standin.environment(folder, folder),
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {
        name: _parse(json.loads(line)) for name, line in zip(cases, done.stdout.splitlines(), strict=True)
    }


def _parse(answer: tuple[str, list[str]]) -> CudaResult:
    text, steps = answer
    found = snapshot.parse_inventory(text, "answer") if text.startswith("{") else text
    return CudaResult(found=found, steps=tuple(steps))
