"""NVML, opened and closed within one read. Nothing else in gfd imports pynvml."""

from __future__ import annotations

import contextlib
import ctypes
import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pynvml

from gfd.errors import DriverUnavailable, NvmlCallFailed
from gfd.limits import silent
from gfd.probe import preload
from gfd.probe.driver_files import LIBRARY, explain_absence, find_library

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.limits import Note

SUCCESS = 0
INVALID_ARGUMENT = 2
NOT_SUPPORTED = 3
NOT_FOUND = 6
FUNCTION_NOT_FOUND = 13

UNKNOWN_QUESTION = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)
"""Answers of a device that lacks a feature, and of a driver too old to know it."""

Handle = pynvml.c_nvmlDevice_t
Attributes = pynvml.c_nvmlDeviceAttributes
UUID_BYTES = 96
"""NVML_DEVICE_UUID_V2_BUFFER_SIZE."""

_INIT_ADVICE = {
    4: "run as a user that may open /dev/nvidiactl, or give the container the device nodes",
    9: "load the NVIDIA kernel module (nvidia-smi shows whether it answers)",
    18: "the library and the loaded kernel module are of different versions: reload the kernel module, or "
    "reboot the node; a container that still has the old library must be started again",
}

_INSTALL_ADVICE = (
    "install the NVIDIA driver; in a container use the NVIDIA runtime, or mount the driver and name it with "
    "--driver-root-ctr-path"
)


class Session:
    """NVML between nvmlInit and nvmlShutdown.

    Leaving it is not optional: while NVML is initialised, MIG changes, GPU resets and driver upgrades of
    others are blocked.
    """

    is_left_open = False
    """Whether NVML could not be shut down in this process."""

    def __init__(self, driver_root: Path | None = None, note: Note = silent) -> None:
        """``note`` is told of every call before it is made: none need come back."""
        self._library = find_library(driver_root)
        self._driver_root = driver_root
        self._note = note

    def __enter__(self) -> Session:
        """Load the library and initialise it. Raises :class:`DriverUnavailable`."""
        try:
            with preload.taken():
                self.load()
                self._note("nvmlInit")
                pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            advice = _INIT_ADVICE.get(error.value, "see the kernel log (dmesg) for messages of NVRM")
            raise DriverUnavailable(f"nvmlInit failed: {error} (NVML error {error.value})", advice) from error
        return self

    def __exit__(self, *_exception: object) -> None:
        self._note("nvmlShutdown")
        try:
            pynvml.nvmlShutdown()
        except pynvml.NVMLError:
            # What was read stays true when the driver does not even take its leave.
            Session.is_left_open = True

    def load(self) -> None:
        """Load the library, without a word to the driver. Raises :class:`DriverUnavailable`."""
        self._note(f"loading {self._library}")
        try:
            # pynvml asks the loader for the bare name. A library that is loaded already is found by its
            # soname, so loading the right file first is enough, and tells why a load fails.
            self._c = _load(self._library)
        except OSError as error:
            raise self._explain_missing(str(error)) from error

    def ask(self, function: str, *arguments: Any, device: str = "") -> Any:
        """Call an NVML function by its name; text comes back as :class:`str`, whatever bytes it held.

        Raises :class:`NvmlCallFailed`, naming ``device``. A function that pynvml or the driver does not
        have fails with FUNCTION_NOT_FOUND.
        """
        binding = _find(function)
        if binding is None:
            raise NvmlCallFailed(function, device, FUNCTION_NOT_FOUND, "Function Not Found")
        self._note(f"{function} on {device}" if device else function)
        try:
            answer = binding(*arguments)
        except pynvml.NVMLError as error:
            raise failed(function, device, error.value) from error
        return answer.decode(errors="replace") if isinstance(answer, bytes) else answer

    def call(self, function: str, *arguments: Any, device: str) -> int:
        """Call a function as C does, with what it is to fill among the arguments; return NVML's answer.

        For what pynvml has wrong, and for what is asked of each MIG device in each cycle: pynvml makes what
        is filled anew each time, and an exception of each answer that is not 0. FUNCTION_NOT_FOUND where the
        library lacks it.
        """
        self._note(f"{function} on {device}")
        try:
            bound = getattr(self._c, function)
        except AttributeError:
            return FUNCTION_NOT_FOUND
        answer: int = bound(*arguments)
        return answer

    def _explain_missing(self, reason: str) -> DriverUnavailable:
        roots, found = "", ""
        if self._driver_root is not None:
            roots = f" or under {self._driver_root}"
            if self._library == LIBRARY:
                self._note(f"looking for {LIBRARY} under {self._driver_root}")
                found = explain_absence(self._driver_root)
        return DriverUnavailable(
            f"{LIBRARY} could not be loaded from the loader's path{roots}: {reason}", found or _INSTALL_ADVICE
        )


def identify(driver_root: Path | None = None, note: Note = silent) -> dict[str, str]:
    """Return ``path`` and ``version`` of the library that a :class:`Session` takes, empty where untold.

    No driver need answer: the library knows its own version. Raises DriverUnavailable.
    """
    session = Session(driver_root, note)
    session.load()
    version = ""
    # pynvml knows the library only once it was to be initialised, with whatever success.
    with contextlib.suppress(DriverUnavailable), session:
        version = _version(session)
    return {"path": _mapped(), "version": version or _version(session)}


def _version(session: Session) -> str:
    try:
        return str(session.ask("nvmlSystemGetNVMLVersion"))
    except NvmlCallFailed:
        return ""


def _mapped() -> str:
    """Return the path of the library in this process; empty where that is untold."""
    try:
        lines = Path("/proc/self/maps").read_text().splitlines()
    except OSError:  # without /proc nobody can tell
        return ""
    return next((line[line.index("/") :] for line in lines if "/libnvidia-ml.so" in line), "")


_load = cache(ctypes.CDLL)


@cache
def _find(function: str) -> Callable[..., Any] | None:
    """Return pynvml's binding of an NVML function; None where it has none."""
    binding = getattr(pynvml, function, None)
    # The wrapper that pynvml puts around functions with text decodes strictly, and a board's name need not be
    # UTF-8.
    return getattr(binding, "__wrapped__", binding)


def holds_devices() -> bool:
    """Return whether this process, outside any session, still keeps something of the driver's open."""
    try:
        return Session.is_left_open or any(map(_is_device, os.listdir("/proc/self/fd")))  # noqa: PTH208
    except OSError:  # without /proc nobody can tell
        return True


def _is_device(descriptor: str) -> bool:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}").startswith("/dev/nvidia")  # noqa: PTH115
    except OSError:  # the one that the folder was read by
        return False


def failed(function: str, device: str, code: int) -> NvmlCallFailed:
    """Return the error that an answer of NVML is."""
    return NvmlCallFailed(function, device, code, str(pynvml.NVMLError(code)))
