"""What there is to say of a label, as values that can cross from one process to another."""

from __future__ import annotations

from typing import NamedTuple

HEXADECIMAL = "hexadecimal"
"""The unit of a number that shows it itself: 0x0302."""
NONE = "none"
"""The value of what is not there."""


class Place(NamedTuple):
    """A line of a template that writes the label, or could."""

    template: str
    line: int
    source: str
    """The line as it stands there."""
    when: str = ""
    """In words; empty: always."""
    reason: str = ""
    """Why it did not write the label; empty where it did, or where there is no machine to ask."""


class Reading(NamedTuple):
    """A value of a fact."""

    value: str
    devices: tuple[str, ...] = ()
    """That have it; none for a fact of the node itself."""


class Part(NamedTuple):
    """A fact that the label is made of."""

    name: str
    """A field of the inventory, ``Gpu.memory_bytes``, or the flag of an option."""
    unit: str = ""
    sources: tuple[str, ...] = ()
    """NVML functions and files; of an option, where its value came from."""
    readings: tuple[Reading, ...] = ()
    """Empty where there is no machine to ask."""
    failures: tuple[str, ...] = ()


class Member(NamedTuple):
    """A GPU or MIG device that the label stands for."""

    gpu: int
    """NVML's index."""
    pci_address: str | None = None
    mig: int | None = None
    """NVML's MIG index on the GPU; None for the GPU itself."""
    gi: int | None = None
    ci: int | None = None
    uuid: str | None = None

    @property
    def name(self) -> str:
        """Return what messages call it: ``GPU 0``, ``GPU 0 MIG 3``."""
        return f"GPU {self.gpu}" if self.mig is None else f"GPU {self.gpu} MIG {self.mig}"


class Explanation(NamedTuple):
    """A label, explained."""

    key: str
    """In the catalogue with ``<…>`` for what depends on the node."""
    value: str | None = None
    """None where it is not written."""
    unit: str = ""
    meaning: str = ""
    places: tuple[Place, ...] = ()
    """The first one wrote it, if any did; none for a key that gfd never writes."""
    parts: tuple[Part, ...] = ()
    members: tuple[Member, ...] = ()
    holders: tuple[str, ...] | None = None
    """Field managers that hold it on a Node, none where that does not tell; None where no Node is asked."""
    owner: str = ""
    """Whose key it is, where it is not gfd's and that is known."""
    nearest: str = ""
    """The key that gfd writes which is most like it, where it is not gfd's."""
    seen_on: str = ""
    """Where the value is from: ``this machine``, ``Node n1``; empty in the catalogue."""

    @property
    def is_known(self) -> bool:
        """Return whether there is anything to say, besides whose it is."""
        return bool(self.places) or self.value is not None


class Template(NamedTuple):
    """A template that explanations name."""

    name: str
    introduction: str
    """What it says of itself; empty where it says nothing."""


class Answer(NamedTuple):
    """What there is to say to somebody who asks."""

    explanations: tuple[Explanation, ...]
    templates: tuple[Template, ...] = ()
    """Those of the catalogue, where that was asked for."""
    warnings: tuple[str, ...] = ()
