"""Explanations of labels, as values that can be sent between processes."""

from __future__ import annotations

from typing import NamedTuple

HEXADECIMAL = "hexadecimal"
"""The unit of numbers like 0x0302; it is not printed."""
NONE = "none"
"""The text for a missing value."""


class LabelOrigin(NamedTuple):
    """A line of a template that can write the label."""

    template: str
    line: int
    source: str
    """The text of the line."""
    when: str = ""
    """The condition under which the line writes the label, in words; empty if always."""
    reason: str = ""
    """Why the line did not write the label; empty if it did, or without a machine."""


class FactValue(NamedTuple):
    """A value of a fact and the devices that have it."""

    value: str
    devices: tuple[str, ...] = ()
    """The devices; empty for a fact of the node itself."""


class LabelFact(NamedTuple):
    """A fact in the label's value."""

    name: str
    """A field of the inventory, ``Gpu.memory_bytes``, or the flag of an option."""
    unit: str = ""
    sources: tuple[str, ...] = ()
    """NVML functions and files; for an option, the origin of its value."""
    readings: tuple[FactValue, ...] = ()
    """Empty without a machine."""
    failures: tuple[str, ...] = ()


class LabelDevice(NamedTuple):
    """A GPU or MIG device that the label describes."""

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
        """Return its name in messages: ``GPU 0``, ``GPU 0 MIG 3``."""
        return f"GPU {self.gpu}" if self.mig is None else f"GPU {self.gpu} MIG {self.mig}"


class Explanation(NamedTuple):
    """The explanation of a label."""

    key: str
    """In the catalog, ``<…>`` is a part that depends on the node."""
    value: str | None = None
    """None if the label is not written."""
    unit: str = ""
    meaning: str = ""
    places: tuple[LabelOrigin, ...] = ()
    """If the label was written, the first one wrote it; empty for a key that gfd never writes."""
    parts: tuple[LabelFact, ...] = ()
    members: tuple[LabelDevice, ...] = ()
    holders: tuple[str, ...] | None = None
    """The field managers that own the key on a Node; empty if unknown, None if not for a Node."""
    owner: str = ""
    """The program that writes the key, if it is not gfd; empty if unknown."""
    nearest: str = ""
    """The most similar key of gfd, if gfd does not write this key."""
    seen_on: str = ""
    """The source of the value: ``this machine``, ``Node n1``; empty in the catalog."""

    @property
    def is_known(self) -> bool:
        """Return whether gfd can write the label, or the Node has it."""
        return bool(self.places) or self.value is not None


class TemplateInfo(NamedTuple):
    """A template and its introduction."""

    name: str
    introduction: str
    """The comment at its beginning; empty if there is none."""


class LabelAnswer(NamedTuple):
    """The answer to a question about labels."""

    explanations: tuple[Explanation, ...]
    templates: tuple[TemplateInfo, ...] = ()
    """The templates of the catalog, if the question is about the whole catalog."""
    warnings: tuple[str, ...] = ()
