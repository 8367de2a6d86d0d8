"""Read stand-in machines with the real pynvml, in a child process.

One child reads all machines: the stand-in loads its machine anew at every nvmlInit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gfd.inventory import snapshot
from gfd.inventory.model import Gpu, Inventory
from gfd.probe.scope import EVERYTHING, Scope
from tests import standin
from tests.standin import Standin

REPOSITORY = Path(__file__).parents[2]

READ = """
import json, os, sys, time
from pathlib import Path
from gfd.inventory import snapshot
from gfd.errors import GfdError
from gfd.probe import node
from gfd.probe.scope import Scope

pauses, machines = [], []

def pause(seconds):
    pauses.append(seconds)
    if machines:
        os.environ["GFD_STANDIN"] = machines.pop(0)

time.sleep = pause
for line in sys.stdin:
    case = json.loads(line)
    os.environ.update(case["environment"])
    pauses.clear()
    machines[:] = case["later"]
    driver_root = case["driver_root"] and Path(case["driver_root"])
    try:
        found = node.read(
            scope=Scope(*case["scope"]),
            root=Path(case["root"]), driver_root=driver_root, machine_type_file=case["machine_type_file"]
        )
        output_text = snapshot.to_json(found)
    except GfdError as error:
        output_text = f"{type(error).__name__}: {error}"
    print(json.dumps([output_text, pauses]))
"""

INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND = 2, 3, 6, 13
TEXTS = {
    1: "Uninitialized",
    2: "Invalid Argument",
    3: "Not Supported",
    4: "Insufficient Permissions",
    6: "Not Found",
    13: "Function Not Found",
    15: "GPU is lost",
    999: "Unknown Error",
}
NOT_AVAILABLE = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)
GONE = (INVALID_ARGUMENT, NOT_FOUND)
"""The errors for a MIG device that has been destroyed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A machine to read, and the expected inventory, or the expected error as text."""

    machine: Standin
    expected: Inventory | str
    pci: tuple[Gpu, ...] | None = None
    """The GPUs in sysfs; None for those of ``expected``."""
    later: tuple[Standin, ...] = ()
    """The machine after the first pause, after the second, and so on."""
    pauses: tuple[float, ...] = ()
    """The expected pauses between reads, in seconds."""
    scope: Scope = EVERYTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    found: Inventory | str
    calls: tuple[str, ...]
    """The names of the called NVML functions, in order."""
    pauses: tuple[float, ...]
    """The pauses between reads, in seconds."""


def lay_out_sysfs(root: Path, gpus: Iterable[Gpu]) -> Path:
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    for gpu in gpus:
        if gpu.pci_address is None:
            continue
        folder = root / "sys/bus/pci/devices" / gpu.pci_address
        if gpu.pcie_root is None:
            folder.mkdir()
        else:
            place = Path("devices") / gpu.pcie_root / gpu.pci_address
            (root / "sys" / place).mkdir(parents=True)
            folder.symlink_to("../../.." / place)
        (folder / "vendor").write_text("0x10de\n")
        (folder / "class").write_text(f"0x{gpu.pci_class or 0:04x}00\n")
        (folder / "numa_node").write_text(f"{-1 if gpu.numa_node is None else gpu.numa_node}\n")
        (folder / "config").write_bytes(bytes(256))
    return root


def read_all(
    folder: Path,
    cases: dict[str, Case],
    *,
    library: Path | None,
    driver_root: Path | None = None,
    machine_type_file: str = "",
) -> dict[str, Result]:
    """Read each machine in a child process. ``library`` is for LD_LIBRARY_PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, logs = [], []
    for number, case in enumerate(cases.values()):
        here = folder / str(number)
        here.mkdir()
        gpus = case.pci
        if gpus is None:
            gpus = case.expected.gpus if isinstance(case.expected, Inventory) else ()
        logs.append(here / "log")
        given = {
            "environment": {
                "GFD_STANDIN": str(case.machine.write(here / "machine")),
                "GFD_STANDIN_LOG": str(here / "log"),
            },
            "root": str(lay_out_sysfs(here / "root", gpus)),
            "driver_root": driver_root and str(driver_root),
            "machine_type_file": machine_type_file,
            "scope": case.scope,
            "later": [
                str(machine.write(here / f"machine{index}")) for index, machine in enumerate(case.later)
            ],
        }
        lines.append(json.dumps(given))
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    if library is not None:
        environment = standin.environment(library, folder)
    output = subprocess.run(
        [sys.executable, "-c", READ],
        input="\n".join(lines),
        stdout=subprocess.PIPE,
        env=environment,
        cwd=REPOSITORY,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    outputs = [json.loads(line) for line in output.splitlines()]
    return {
        name: Result(
            found=snapshot.parse_inventory(output_text, name) if output_text.startswith("{") else output_text,
            calls=tuple(line.split()[0] for line in log.read_text().splitlines()) if log.exists() else (),
            pauses=tuple(pauses),
        )
        for name, (output_text, pauses), log in zip(cases, outputs, logs, strict=True)
    }


def read_one(folder: Path, case: Case, *, without: Iterable[str] = ()) -> Result:
    library = standin.build(folder / "library", without=tuple(without))
    return read_all(folder / "cases", {"one": case}, library=library)["one"]


def show(found: Inventory | str) -> str:
    """Return a text, so that pytest can show the difference."""
    return found if isinstance(found, str) else snapshot.to_json(found)
