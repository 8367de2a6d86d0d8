"""The nodes to measure on: with the stand-in driver, and this machine if it has a driver."""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.simulation import machines
from tests.standin import Standin, build, from_inventory

if TYPE_CHECKING:
    from pathlib import Path

LARGEST, REAL = "8 GPUs, 56 MIG devices", "this machine's GPUs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node, and the environment variables that make a program see it."""

    name: str
    environ: dict[str, str]
    machine: Path | None = None
    """The stand-in's description; None for real hardware."""


def play(folder: Path, name: str, machine: Standin) -> Node:
    """Return a node with the stand-in driver."""
    library = build(folder / "lib")
    described = machine.write(folder / name.replace(" ", "-").replace(",", ""))
    environ = {**os.environ, "LD_LIBRARY_PATH": str(library), "GFD_STANDIN": str(described)}
    return Node(name=name, environ=environ, machine=described)


def divided(gpus: int, devices: int = 7) -> Standin:
    """Return ``gpus`` B200 with ``devices`` MIG devices each; 0 means MIG off."""
    one, *_ = from_inventory(machines.read("b200", "all-1g.23gb" if devices else "all-disabled")).gpus
    return Standin(
        gpus=tuple(
            replace(
                one,
                uuid=f"GPU-{index:08x}",
                pci=f"00000000:{index + 16:02X}:00.0",
                migs=tuple(replace(mig, uuid=f"MIG-{index:08x}-{mig.index}") for mig in one.migs[:devices]),
            )
            for index in range(gpus)
        )
    )


def choose(folder: Path) -> list[Node]:
    """Return nodes with 0, 1 and 8 GPUs, with 56 MIG devices, and this machine if it has a driver."""
    nodes = [
        play(folder, "no GPU", Standin()),
        play(folder, "1 GPU", divided(1, 0)),
        play(folder, "8 GPUs", divided(8, 0)),
        play(folder, LARGEST, divided(8)),
    ]
    try:
        ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return nodes
    return [*nodes, Node(name=REAL, environ=dict(os.environ))]
