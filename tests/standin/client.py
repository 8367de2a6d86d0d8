"""A process that calls NVML on a stand-in machine through the real pynvml."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from tests.standin import (
    Standin,
    StandinGpu,
    StandinMig,
    StandinProfile,
    build,
    environment,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PRELUDE = """
import ctypes, json
from pynvml import *
def code(call, *arguments):
    try:
        call(*arguments)
    except NVMLError as error:
        return error.value
    return 0
def show(value):
    print(json.dumps(value))
"""

H100 = StandinGpu(
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-0",
    serial="1650522003820",
    brand=14,
    architecture=9,
    cc_major=9,
    cc_minor=0,
    memory=85_520_809_984,
    pci="0000000A:3B:00.0",
    pci_device_id=0x233010DE,
    minor=0,
    pcie_generation=5,
    pcie_width=16,
    virtualization=1,
    power_limit=650_000,
    power_default=700_000,
    nvlinks=18,
    nvlinks_active=17,
    nvlink_peers=0b11,
    mig=True,
    max_mig=7,
    ci_offset=30,
    fabric_state=3,
    fabric_status=0,
    fabric_cluster="3f2504e04f8911d39a0c0305e82c3301",
    fabric_clique=4,
    profiles=(
        StandinProfile(
            name="3g.40gb", enum=2, id=9, slices=3, max=2, memory_mib=40448, sm=60, copy=3, decoder=3, jpeg=3
        ),
    ),
    migs=tuple(
        StandinMig(
            index=index,
            uuid=f"MIG-{index}",
            name="NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb",
            gi=2,
            ci=ci,
            gi_profile=9,
            ci_enum=0,
            start=4,
            size=4,
            gi_slices=3,
            ci_slices=1,
            memory_mib=40448,
            sm=20,
            copy=3,
            decoder=3,
            encoder=0,
            jpeg=3,
            ofa=0,
        )
        for ci, index in enumerate((1, 4))
    ),
)
T4 = StandinGpu(name="Tesla T4", uuid="GPU-1", cc_major=7, cc_minor=5, memory=15_843_721_216)
NODE = Standin(gpus=(H100, T4))


class Client:
    """Runs code on a stand-in machine, in a child process, because pynvml loads the library by name."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "calls"

    def start(self, machine: Standin, code: str, *, without: Sequence[str] = ()) -> subprocess.Popen[str]:
        library = build(self.folder / "lib", without=without)
        description = machine.write(self.folder / "machine")
        return subprocess.Popen(
            [sys.executable, "-c", PRELUDE + code],
            env=environment(library, description, self.log),
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, machine: Standin, code: str, *, without: Sequence[str] = ()) -> list[Any]:
        """Return the values that the code passed to ``show``."""
        with self.start(machine, code, without=without) as process:
            output, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        return [json.loads(line) for line in output.splitlines()]
