"""A node whose MIG layout and driver change, with the kernel's files for both."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from bench import nodes
from gfd.simulation import machines
from tests.standin import from_inventory

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin import Standin

LAYOUTS = {"all-1g.5gb": 7, "all-3g.20gb": 2}
"""Layouts of an A100 -> number of GPU instances."""


class Hardware:
    """A node with one A100; its files are in a folder."""

    def __init__(self, folder: Path) -> None:
        self._machines = [from_inventory(machines.read("mig-doc", layout)) for layout in LAYOUTS]
        self.node = nodes.play(folder, "a100", self._machines[0])
        self._proc = folder / "driver"
        self._mig = self._proc / "nvidia" / "capabilities" / "gpu0" / "mig"
        self._mig.mkdir(parents=True)
        self._version = self._proc / "nvidia" / "version"
        self._version.write_text("0")

    @property
    def arguments(self) -> list[str]:
        """The options that make gfd watch this node."""
        return [f"--proc-driver-dir={self._proc}"]

    def reset(self) -> None:
        """Return to the first layout."""
        self._play(self._machines[0])

    def change_layout(self, turn: int) -> None:
        """Switch between the two layouts."""
        self._play(self._machines[turn % 2])
        for instance in range(max(LAYOUTS.values())):
            with suppress(FileNotFoundError):
                (self._mig / f"gi{instance}").rmdir()
        for instance in range(list(LAYOUTS.values())[turn % 2]):
            (self._mig / f"gi{instance}").mkdir()

    def upgrade_driver(self, turn: int) -> None:
        """Switch to a driver of another version."""
        self._play(replace(self._machines[0], driver=f"{500 + turn}.1"))
        self._version.write_text(f"{turn}")

    def _play(self, machine: Standin) -> None:
        assert self.node.machine is not None
        # A read during the change sees either the old or the new machine.
        machine.write(self.node.machine.with_suffix(".new")).replace(self.node.machine)
