"""A stand-in for the CUDA driver: ``cuda.c`` compiled into a ``libcuda.so.1``, and the GPUs that it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests import standin

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

LIBRARY = "libcuda.so.1"
DESCRIPTION, LOG = "GFD_STANDIN_CUDA", "GFD_STANDIN_CUDA_LOG"
"""The environment variables that ``cuda.c`` explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaGpu:
    """A GPU that the CUDA driver shows."""

    name: str = "Orin"
    capability: tuple[int, int] = (8, 7)
    memory: int = 64_349_220_864
    is_integrated: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaFault:
    """A function that fails; ``integrated`` is the query of that attribute alone."""

    function: str
    error: int
    gpu: int = -1
    """The ordinal; -1 for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaStandin:
    """A CUDA driver."""

    gpus: tuple[CudaGpu, ...] = (CudaGpu(),)
    version: int = 12_060
    faults: tuple[CudaFault, ...] = ()
    hangs: tuple[str, ...] = ()
    prints: tuple[str, ...] = ()

    def describe(self) -> str:
        """Return the value of the variable :data:`DESCRIPTION`."""
        devices = (
            f"device {gpu.capability[0]} {gpu.capability[1]} {gpu.memory} {gpu.is_integrated:d} {gpu.name}"
            for gpu in self.gpus
        )
        faults = (f"fault {fault.function} {fault.gpu} {fault.error}" for fault in self.faults)
        hangs = (f"hang {function}" for function in self.hangs)
        prints = (f"print {text}" for text in self.prints)
        return "\n".join((f"version {self.version}", *devices, *faults, *hangs, *prints))


def build(directory: Path, *, without: Sequence[str] = ()) -> Path:
    """Build the library in ``directory`` and return ``directory``, for LD_LIBRARY_PATH.

    The library lacks the functions in ``without``.
    """
    return standin.build(directory, without=without, library=LIBRARY)
