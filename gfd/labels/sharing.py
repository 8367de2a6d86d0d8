"""Sharing of a GPU or MIG device between pods, as the device plugin configures it: time-slicing and MPS."""

from __future__ import annotations

from typing import NamedTuple


class SharedResource(NamedTuple):
    """One entry of ``sharing.timeSlicing.resources`` or ``sharing.mps.resources``."""

    name: str
    """Full resource name: ``nvidia.com/gpu``, ``nvidia.com/mig-1g.5gb``."""
    replicas: int
    """Pods that share one device; at least 2."""


class Sharing(NamedTuple):
    """The sharing in force. A resource without an entry has one replica."""

    strategy: str = "none"
    """``none``, ``time-slicing`` or ``mps``."""
    resources: tuple[SharedResource, ...] = ()
    is_renamed: bool = False
    """Whether the device plugin offers shared resources under another name (``renameByDefault``)."""

    def count_replicas(self, resource: str) -> int:
        """Return the replicas of ``resource`` (a full name); 1 if it is not shared.

        The first entry with the name counts, as in the device plugin.
        """
        for entry in self.resources:
            if entry.name == resource:
                return entry.replicas
        return 1
