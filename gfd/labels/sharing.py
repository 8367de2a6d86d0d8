"""Sharing one GPU or MIG device between pods: time slicing and MPS, as the device plugin configures them."""

from __future__ import annotations

from typing import NamedTuple


class SharedResource(NamedTuple):
    """One entry of ``sharing.timeSlicing.resources`` or ``sharing.mps.resources``."""

    name: str
    """Full resource name: ``nvidia.com/gpu``, ``nvidia.com/mig-1g.5gb``."""
    replicas: int
    """How many pods share one device; at least 2."""


class Sharing(NamedTuple):
    """The sharing in force; without one, resources have one replica each."""

    strategy: str = "none"
    """``none``, ``time-slicing`` or ``mps``."""
    resources: tuple[SharedResource, ...] = ()
    is_renamed: bool = False
    """Whether the device plugin serves shared resources under another name (``renameByDefault``)."""

    def count_replicas(self, resource: str) -> int:
        """Return the replicas of ``resource`` (a full name), 1 where it is not shared.

        The first entry of a name counts, as it does for the device plugin.
        """
        for entry in self.resources:
            if entry.name == resource:
                return entry.replicas
        return 1
