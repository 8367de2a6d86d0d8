"""The machine and the cluster that ``gfd doctor`` checks. Each value is read once."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.agent.mounts import MOUNTINFO, NVIDIA
from gfd.errors import CudaCallFailed, CudaUnavailable, GfdError
from gfd.files import PROC_BYTES, read_text
from gfd.tools.doctor.outcome import catch_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config
    from gfd.inventory.model import Inventory
    from gfd.labels.syntax import Labels
    from gfd.tools.diff.diff import SinkDiff
    from gfd.tools.doctor.cluster import Cluster

ROOT = Path("/")
PROC_DRIVER = Path("/proc/driver")
WSL_DEVICE = Path("/dev/dxg")


class Context:
    """The values that checks use. A value that could not be read is the error itself."""

    def __init__(
        self,
        config: Config,
        *,
        root: Path = ROOT,
        mountinfo: Path = MOUNTINFO,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``root`` is the folder with /proc, /dev and /sys; ``clock`` returns the Unix time."""
        self.config = config
        self.root = root
        self.mountinfo = mountinfo
        self.clock = clock

    def under(self, path: str | Path) -> Path:
        """Return a path of the configuration below the root."""
        return self.root / Path(path).absolute().relative_to(ROOT)

    @property
    def proc_nvidia(self) -> Path:
        """The driver's folder in /proc that the service watches."""
        return self.under(self.config.proc_driver_dir or PROC_DRIVER) / NVIDIA

    @cached_property
    def strategy(self) -> str:
        """How the GPUs are found: ``nvml``, ``tegra`` or ``vfio``. With auto, as this machine suggests."""
        from gfd.probe.sysfs import has_tegra_files

        configured = self.config.device_discovery_strategy
        if configured != "auto":
            return configured
        if not isinstance(self.inventory, GfdError):
            return self.inventory.discovery
        is_from_cuda = isinstance(self.inventory, CudaUnavailable | CudaCallFailed)
        return "tegra" if is_from_cuda or has_tegra_files(self.root) else "nvml"

    @cached_property
    def gpus(self) -> tuple[str, ...]:
        """The addresses of the NVIDIA GPUs on the PCI bus."""
        from gfd.probe import sysfs

        return sysfs.find_gpus(self.root)

    @cached_property
    def is_wsl(self) -> bool:
        """Whether this is WSL2, where the GPU is a device of Windows and not on the PCI bus."""
        return self.under(WSL_DEVICE).exists()

    @property
    def has_gpu(self) -> bool:
        """Whether the machine may have a GPU, with or without a driver."""
        return bool(self.gpus) or self.is_wsl

    @property
    def is_bare(self) -> bool:
        """Whether the machine has neither an NVIDIA GPU nor a driver, so that there is nothing to check."""
        from gfd.errors import DriverUnavailable

        if self.strategy != "nvml":
            return False
        is_driven = self.kernel_line is not None or not isinstance(self.inventory, DriverUnavailable)
        return not (self.has_gpu or is_driven)

    @cached_property
    def kernel_line(self) -> str | None:
        """The first line of /proc/driver/nvidia/version; None without the kernel module."""
        try:
            return read_text(self.proc_nvidia / "version", PROC_BYTES, "replace").partition("\n")[0].strip()
        except OSError:
            return None

    @cached_property
    def kernel_version(self) -> str | None:
        """The version in :attr:`kernel_line`; None without one."""
        words = (self.kernel_line or "").split()
        return next((word for word in words if word[0].isdigit() and "." in word), None)

    @cached_property
    def library(self) -> dict[str, str] | GfdError:
        """Path and version of the NVML library, from :func:`gfd.probe.nvml.identify_library`."""
        from gfd.probe import nvml
        from gfd.worker import child_process

        root, timeout_s = self.config.driver_root, self.config.probe_timeout_s
        return catch_error(
            lambda: child_process.run(lambda progress: nvml.identify_library(root, progress), timeout_s)
        )

    @cached_property
    def cuda_library(self) -> str | GfdError:
        """The path of libcuda, from :func:`gfd.probe.cuda.identify_library`."""
        from gfd.probe import cuda
        from gfd.worker import child_process

        root, timeout_s = self.config.driver_root, self.config.probe_timeout_s
        found = catch_error(
            lambda: child_process.run(lambda progress: cuda.identify_library(root, progress), timeout_s)
        )
        return found if isinstance(found, GfdError) else str(found["path"])

    @cached_property
    def inventory(self) -> Inventory | GfdError:
        """The complete hardware; a missing driver is always an error here."""
        from gfd.worker import single_run
        from gfd.worker.request import build_request

        config = self.config._replace(fail_on_init_error=True)
        return catch_error(lambda: single_run.read_inventory(build_request(config)))

    @cached_property
    def labels(self) -> Labels | GfdError:
        """The labels of this machine."""
        from gfd.errors import DriverUnavailable
        from gfd.worker import single_run
        from gfd.worker.request import build_request

        inventory = self.inventory
        if isinstance(inventory, DriverUnavailable) and not self.config.fail_on_init_error:
            return catch_error(lambda: single_run.label(build_request(self.config)).labels)
        if isinstance(inventory, GfdError):
            return inventory
        return catch_error(lambda: single_run.label(build_request(self.config, inventory=inventory)).labels)

    @cached_property
    def diffs(self) -> tuple[SinkDiff | GfdError, ...]:
        """What gfd would change in each sink; empty without labels."""
        from gfd.tools.diff.diff import compare

        return () if isinstance(self.labels, GfdError) else tuple(compare(self.config, self.labels))

    @cached_property
    def cluster(self) -> Cluster | GfdError:
        """The cluster, or the error that explains why it cannot be reached."""
        from gfd.tools.doctor.cluster import Cluster

        return catch_error(lambda: Cluster(self.config))

    def require_cluster(self) -> Cluster:
        """Return the cluster. Raises GfdError if it cannot be reached."""
        if isinstance(self.cluster, GfdError):
            raise self.cluster
        return self.cluster
