"""Open NVML for one read, call it, and close it. No other module of gfd imports pynvml."""

from __future__ import annotations

import contextlib
import ctypes
from functools import cache
from typing import TYPE_CHECKING, Any

import pynvml

from gfd.errors import DriverUnavailable, NvmlCallFailed
from gfd.inventory.progress import ignore_progress
from gfd.labels.requirements import KERNEL_LOG_ADVICE
from gfd.probe import preload
from gfd.probe.driver_files import LIBRARY, explain_absence, find_library, find_mapped_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gfd.inventory.progress import Progress

SUCCESS = 0
INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NOT_FOUND = 6
FUNCTION_NOT_FOUND = 13

NOT_AVAILABLE = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)
"""The errors of a device that lacks a feature, and of a driver that is too old for it."""

_INIT_ADVICE = {
    4: "run as a user that may open /dev/nvidiactl, or give the container the device nodes",
    9: "load the NVIDIA kernel module (nvidia-smi shows whether it answers)",
    18: "the library and the loaded kernel module have different versions: reload the kernel module or "
    "reboot the node; restart a container that still has the old library",
}

_INSTALL_ADVICE = (
    "install the NVIDIA driver; in a container use the NVIDIA runtime, or mount the driver and pass its "
    "folder with --driver-root-ctr-path"
)


class Session:
    """NVML between nvmlInit and nvmlShutdown.

    Always leave it: while NVML is initialised, nobody can change MIG, reset a GPU or upgrade the driver.
    """

    def __init__(self, driver_root: Path | None = None, progress: Progress = ignore_progress) -> None:
        """``progress`` is called before every NVML call, because a call may never return."""
        self._library = find_library(driver_root)
        self._driver_root = driver_root
        self._progress = progress

    def __enter__(self) -> Session:
        """Load the library and initialise it. Raises :class:`DriverUnavailable`."""
        try:
            with preload.finish():
                self.load()
                self._progress("nvmlInit")
                pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            advice = _INIT_ADVICE.get(error.value, KERNEL_LOG_ADVICE)
            raise DriverUnavailable(f"nvmlInit failed: {error} (NVML error {error.value})", advice) from error
        return self

    def __exit__(self, *_exception: object) -> None:
        self._progress("nvmlShutdown")
        # An error here does not matter: the facts have been read, and the process ends soon.
        with contextlib.suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()

    def load(self) -> None:
        """Load the library without calling it. Raises :class:`DriverUnavailable`."""
        self._progress(f"loading {self._library}")
        try:
            # pynvml loads the library by its bare name, and the dynamic loader then returns the one that is
            # already loaded. So load the right file first; this also gives the reason if that fails.
            self._c_library = ctypes.CDLL(self._library)
        except OSError as error:
            raise self._explain_missing(str(error)) from error

    def call(self, function: str, *arguments: Any, device: str = "") -> Any:
        """Call an NVML function and return its result; bytes come back as :class:`str`.

        Raises :class:`NvmlCallFailed`, which names ``device``; with FUNCTION_NOT_FOUND if pynvml or the
        driver lacks the function.
        """
        binding = _find_binding(function)
        if binding is None:
            raise to_error(function, device, FUNCTION_NOT_FOUND)
        self._progress(f"{function} on {device}" if device else function)
        try:
            result = binding(*arguments)
        except pynvml.NVMLError as error:
            raise to_error(function, device, error.value) from error
        return result.decode(errors="replace") if isinstance(result, bytes) else result

    def call_c(self, function: str, *arguments: Any, device: str) -> int:
        """Call a C function directly and return NVML's code; FUNCTION_NOT_FOUND if the library lacks it.

        This is for functions that pynvml declares wrongly.
        """
        self._progress(f"{function} on {device}")
        try:
            c_function = getattr(self._c_library, function)
        except AttributeError:
            return FUNCTION_NOT_FOUND
        code: int = c_function(*arguments)
        return code

    def _explain_missing(self, reason: str) -> DriverUnavailable:
        roots, found = "", ""
        if self._driver_root is not None:
            roots = f" or under {self._driver_root}"
            if self._library == LIBRARY:
                self._progress(f"looking for {LIBRARY} under {self._driver_root}")
                found = explain_absence(self._driver_root)
        return DriverUnavailable(
            f"{LIBRARY} could not be loaded from the loader's path{roots}: {reason}", found or _INSTALL_ADVICE
        )


def identify_library(driver_root: Path | None = None, progress: Progress = ignore_progress) -> dict[str, str]:
    """Return ``path`` and ``version`` of the library that a :class:`Session` loads; empty if unknown.

    The library knows its version even if the driver does not answer. Raises DriverUnavailable.
    """
    session = Session(driver_root, progress)
    session.load()
    version = ""
    # pynvml can only call the library after an nvmlInit, even one that failed.
    with contextlib.suppress(DriverUnavailable), session:
        version = _read_version(session)
    return {"path": find_mapped_path("/libnvidia-ml.so"), "version": version or _read_version(session)}


def to_error(function: str, device: str, code: int) -> NvmlCallFailed:
    """Return the error for an NVML return code."""
    return NvmlCallFailed(function, device, code, str(pynvml.NVMLError(code)))


def _read_version(session: Session) -> str:
    try:
        return str(session.call("nvmlSystemGetNVMLVersion"))
    except NvmlCallFailed:
        return ""


@cache
def _find_binding(function: str) -> Callable[..., Any] | None:
    """Return pynvml's binding of an NVML function; None if it has none."""
    binding = getattr(pynvml, function, None)
    # pynvml wraps functions that return text to decode it strictly, but a board's name may not be UTF-8.
    return getattr(binding, "__wrapped__", binding)
