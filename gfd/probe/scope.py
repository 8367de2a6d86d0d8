"""The optional facts of a read: each costs calls of the driver."""

from __future__ import annotations

from typing import NamedTuple


class Scope(NamedTuple):
    """The facts to read besides those that gfd's default labels need."""

    has_details: bool = True
    """PCIe links, and profiles and engines of GPUs that are not in MIG mode: 20 NVML calls per GPU."""
    has_power: bool = True
    """Power limits: two NVML calls per GPU."""
    has_topology: bool = True
    """NVLink and the PCIe root: an NVML call for each NVLink link and each pair of GPUs."""
    has_unified_memory: bool = False
    """The memory of GPUs that use the CPU's: this loads and initialises CUDA, so it has a flag of its own."""


EVERYTHING = Scope()
