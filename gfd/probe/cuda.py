"""Open the CUDA driver and call it through ctypes. No other module of gfd calls libcuda."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

from gfd.errors import CudaCallFailed, CudaUnavailable
from gfd.inventory.model import FactFailure
from gfd.inventory.progress import ignore_progress
from gfd.labels.requirements import CUDA_ADVICE, CUDA_LIBRARY, CUDA_LOG_ADVICE
from gfd.probe.driver_files import explain_absence, find_library, find_mapped_path

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.inventory.progress import Progress

COMPUTE_CAPABILITY_MAJOR, COMPUTE_CAPABILITY_MINOR = 75, 76
INTEGRATED = 18
"""CU_DEVICE_ATTRIBUTE_*; the last one is 1 if the GPU uses the memory of the CPU."""

SUCCESS = 0
FUNCTIONS = (
    "cuInit",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDriverGetVersion",
    "cuDeviceGetName",
    # Without _v2, the library has an old function that writes 32 bits.
    "cuDeviceTotalMem_v2",
    "cuDeviceGetAttribute",
)
_NAME_BYTES = 96

_INIT_ADVICE = {
    34: "this is the stub of the CUDA toolkit; install the driver's libcuda.so.1",
    100: "give the container the device nodes of the GPU: use the NVIDIA runtime and set "
    "NVIDIA_VISIBLE_DEVICES=all",
    802: "wait until the fabric manager has started",
    803: "the library and the kernel module have different versions: reload the module or reboot the node",
    804: "the library is newer than the driver, and this GPU does not support that: use the driver's own",
}


class CudaDriver:
    """The CUDA driver of this process.

    It cannot be closed: CUDA stays initialised until the process ends, so use it only in a child.
    """

    def __init__(self, driver_root: Path | None = None, progress: Progress = ignore_progress) -> None:
        """Load the library and initialise it; ``progress`` is called before every call.

        Raises CudaUnavailable without the library or one of its functions, and if cuInit fails.
        """
        self._progress = progress
        self._library = load(driver_root, progress)
        code = self._call("cuInit", 0)
        if code != SUCCESS:
            raise CudaUnavailable(
                f"cuInit failed: {self._name_error(code)} (CUDA error {code})",
                _INIT_ADVICE.get(code, CUDA_LOG_ADVICE),
            )

    def read_version(self) -> int:
        """Return the CUDA version that the driver supports, 1000 * major + 10 * minor.

        Raises CudaCallFailed.
        """
        return self._read_int("cuDriverGetVersion")

    def count_devices(self) -> int:
        """Return the number of GPUs. Raises CudaCallFailed."""
        return self._read_int("cuDeviceGetCount")

    def find_device(self, ordinal: int) -> CudaDevice:
        """Return the GPU with this ordinal. Raises CudaCallFailed."""
        handle = self._read_int("cuDeviceGet", ordinal, device=f"GPU {ordinal}")
        return CudaDevice(self, handle, f"GPU {ordinal}")

    def call(self, function: str, *arguments: Any, device: str = "") -> None:
        """Call a function. Raises CudaCallFailed, which names ``device``."""
        code = self._call(function, *arguments, device=device)
        if code != SUCCESS:
            raise CudaCallFailed(function, device, code, self._name_error(code))

    def _read_int(self, function: str, *arguments: Any, device: str = "") -> int:
        value = ctypes.c_int()
        self.call(function, ctypes.byref(value), *arguments, device=device)
        return value.value

    def _call(self, function: str, *arguments: Any, device: str = "") -> int:
        self._progress(f"{function} on {device}" if device else function)
        code: int = getattr(self._library, function)(*arguments)
        return code

    def _name_error(self, code: int) -> str:
        """Return CUDA's name of an error, such as CUDA_ERROR_NO_DEVICE."""
        text = ctypes.c_char_p()
        # Libraries before CUDA 6 cannot name their errors.
        name_error = getattr(self._library, "cuGetErrorName", None)
        if name_error is None or name_error(code, ctypes.byref(text)) != SUCCESS or not text.value:
            return "unknown error"
        return text.value.decode(errors="replace")


class CudaDevice:
    """A GPU of the CUDA driver."""

    def __init__(self, driver: CudaDriver, handle: int, device: str) -> None:
        """``device`` is its name in messages: ``GPU 0``."""
        self._driver = driver
        self._handle = handle
        self._device = device

    def read_name(self) -> str:
        """Return the name. Raises CudaCallFailed."""
        name = ctypes.create_string_buffer(_NAME_BYTES)
        self._driver.call("cuDeviceGetName", name, _NAME_BYTES, self._handle, device=self._device)
        return name.value.decode(errors="replace")

    def read_memory_bytes(self) -> int:
        """Return the total memory; 0 if CUDA does not know it. Raises CudaCallFailed."""
        total = ctypes.c_size_t()
        self._driver.call("cuDeviceTotalMem_v2", ctypes.byref(total), self._handle, device=self._device)
        return total.value

    def read_attribute(self, attribute: int) -> int:
        """Return the value of a CU_DEVICE_ATTRIBUTE_*. Raises CudaCallFailed."""
        value = ctypes.c_int()
        self._driver.call(
            "cuDeviceGetAttribute", ctypes.byref(value), attribute, self._handle, device=self._device
        )
        return value.value


def identify_library(driver_root: Path | None = None, progress: Progress = ignore_progress) -> dict[str, str]:
    """Return the ``path`` of the library, without a call to it. Raises CudaUnavailable."""
    load(driver_root, progress)
    return {"path": find_mapped_path("/libcuda.so")}


def load(driver_root: Path | None, progress: Progress) -> ctypes.CDLL:
    """Load the library. Raises CudaUnavailable without the library or one of its functions."""
    path = find_library(driver_root, CUDA_LIBRARY)
    progress(f"loading {path}")
    try:
        library = ctypes.CDLL(path)
    except OSError as error:
        roots, found = "", ""
        if driver_root is not None:
            roots = f" or under {driver_root}"
            if path == CUDA_LIBRARY:
                progress(f"looking for {CUDA_LIBRARY} under {driver_root}")
                found = explain_absence(driver_root, CUDA_LIBRARY)
        raise CudaUnavailable(
            f"{CUDA_LIBRARY} could not be loaded from the loader's path{roots}: {error}",
            found or CUDA_ADVICE,
        ) from error
    for function in FUNCTIONS:
        if not hasattr(library, function):
            raise CudaUnavailable(
                f"{path} has no function {function}", "install the libcuda.so.1 of the NVIDIA driver"
            )
    return library


def to_failure(fact: str, error: CudaCallFailed) -> FactFailure:
    """Return a record that ``fact`` could not be read because of ``error``."""
    reason = f"{error.text} (CUDA error {error.code})"
    return FactFailure(fact=fact, source=error.function, device=error.device, reason=reason)
