"""The machine that the stand-in plays: records with the fields of its description (``machine.h``).

For a field that is None, the driver returns Not Supported. Text may be :class:`bytes`, because not every
driver writes UTF-8.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StandinProfile:
    """A GPU-instance profile that the GPU offers."""

    name: str = ""
    enum: int
    id: int
    slices: int
    max: int = 1
    memory_mib: int
    sm: int = 0
    copy: int = 0
    decoder: int = 0
    encoder: int = 0
    jpeg: int = 0
    ofa: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class StandinMig:
    """A MIG device. Without ``memory_mib`` its attributes are Not Supported."""

    index: int
    uuid: str | bytes | None = None
    name: str | bytes | None = None
    gi: int | None = None
    ci: int | None = None
    gi_profile: int | None = None
    """Id of the GPU-instance profile."""
    ci_enum: int | None = None
    """NVML_COMPUTE_INSTANCE_PROFILE_*; the profile's id is this plus the GPU's ``ci_offset``."""
    start: int | None = None
    size: int | None = None
    gi_slices: int | None = None
    ci_slices: int | None = None
    memory_mib: int | None = None
    sm: int | None = None
    copy: int | None = None
    decoder: int | None = None
    encoder: int | None = None
    jpeg: int | None = None
    ofa: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StandinGpu:
    """A GPU. ``mig`` is whether MIG is enabled; None for a GPU without MIG."""

    name: str | bytes | None
    uuid: str | bytes | None = None
    serial: str | bytes | None = None
    brand: int | None = None
    architecture: int | None = None
    cc_major: int | None = None
    cc_minor: int | None = None
    memory: int | None = None
    pci: str | None = None
    """As NVML writes it: ``00000000:3B:00.0``."""
    pci_device_id: int | None = None
    minor: int | None = None
    pcie_generation: int | None = None
    pcie_width: int | None = None
    virtualization: int | None = None
    power_limit: int | None = None
    """In mW, as power_default."""
    power_default: int | None = None
    nvlinks: int | None = None
    """The number of NVLink links that the GPU has, of which ``nvlinks_active`` are active."""
    nvlinks_active: int | None = None
    nvlink_peers: int | None = None
    """A bit for each GPU that it reaches over NVLink."""
    mig: bool | None = None
    max_mig: int | None = None
    ci_offset: int | None = None
    fabric_state: int | None = None
    fabric_status: int | None = None
    fabric_cluster: str | None = None
    """32 hexadecimal digits."""
    fabric_clique: int | None = None
    profiles: tuple[StandinProfile, ...] = ()
    migs: tuple[StandinMig, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What a function does instead of its work: return ``error``, never return, crash, or exit.

    ``function`` without a version means all versions (``nvmlInit``, ``nvmlDeviceGetCount``). ``gpu`` without
    ``mig`` means the GPU and its MIG devices; ``mig=-1`` means only the GPU. The first ``after`` calls of the
    process work as usual.

    Before that, the function can print a text to standard output ``times`` times (``prints``), write a text
    to every open descriptor (``scribbles``) and read from standard input (``drinks``). If it has only these,
    it then does its work. The function ``load`` is the loading of the library.
    """

    function: str
    gpu: int | None = None
    mig: int | None = None
    after: int | None = None
    error: int | None = None
    hang: bool | None = None
    segv: bool | None = None
    exit: bool | None = None
    prints: str | bytes | None = None
    times: int | None = None
    scribbles: str | bytes | None = None
    drinks: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standin:
    """A machine that the stand-in plays."""

    driver: str | bytes | None = "580.159.04"
    nvml: str | bytes | None = "13.580.159.04"
    cuda: int | None = 13000
    gpus: tuple[StandinGpu, ...] = ()
    faults: tuple[Fault, ...] = ()
    missing: tuple[str, ...] = ()
    """Functions that the driver lacks, for :func:`build`: a description cannot remove functions."""

    def write(self, path: Path) -> Path:
        """Write the description for ``GFD_STANDIN``, atomically: a test may replace it during a read."""
        temporary = path.with_name(f"{path.name}.{os.getpid()}")
        temporary.write_text("".join(f"{line}\n" for line in self._lines()), encoding="ascii")
        return temporary.replace(path)

    def _lines(self) -> Iterator[str]:
        yield _record("system", self)
        for gpu in self.gpus:
            yield _record("gpu", gpu)
            yield from (_record("profile", profile) for profile in gpu.profiles)
            yield from (_record("mig", mig) for mig in gpu.migs)
        yield from (_record("fault", fault) for fault in self.faults)
        yield from (f"missing function={function}" for function in self.missing)


def _record(kind: str, record: StandinProfile | StandinMig | StandinGpu | Fault | Standin) -> str:
    words = [kind]
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, bool):
            value = int(value)
        if isinstance(value, (str, bytes, int)):
            words.append(f"{field.name}={_escape(value)}")
    return " ".join(words)


def _escape(value: str | bytes | int) -> str:
    if isinstance(value, int):
        return str(value)
    data = value.encode(errors="surrogateescape") if isinstance(value, str) else value
    return "".join(chr(byte) if 0x21 <= byte <= 0x7E and byte != 0x5C else f"\\x{byte:02x}" for byte in data)
