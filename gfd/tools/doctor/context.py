"""The place that a doctor looks at: this machine, and the cluster it is in. Each fact is looked at once."""

from __future__ import annotations

import time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.agent.mounts import MOUNTINFO, NVIDIA
from gfd.errors import GfdError
from gfd.files import PROC_BYTES, read_text
from gfd.tools.doctor.attempt import attempt

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config
    from gfd.inventory.model import Inventory
    from gfd.labels.syntax import Labels
    from gfd.tools.diff.diff import Comparison
    from gfd.tools.doctor.cluster import Cluster

ROOT = Path("/")
PROC_DRIVER = Path("/proc/driver")
WSL_DEVICE = Path("/dev/dxg")


class Site:
    """What there is to look at. A fact that could not be had is the error that says why."""

    def __init__(
        self,
        config: Config,
        *,
        root: Path = ROOT,
        mountinfo: Path = MOUNTINFO,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """``root`` is the file system whose /proc, /dev and /sys are looked at."""
        self.config = config
        self.root = root
        self.mountinfo = mountinfo
        self.clock = clock

    def under(self, path: str | Path) -> Path:
        """Return where a path of the configuration lies."""
        return self.root / Path(path).absolute().relative_to(ROOT)

    @property
    def proc_nvidia(self) -> Path:
        """The driver's folder, as the service watches it."""
        return self.under(self.config.proc_driver_dir or PROC_DRIVER) / NVIDIA

    @cached_property
    def gpus(self) -> tuple[str, ...]:
        """The addresses of the NVIDIA GPUs on the PCI bus."""
        from gfd.probe import sysfs

        return sysfs.find_gpus(self.root)

    @cached_property
    def is_wsl(self) -> bool:
        """Whether this is WSL2: its GPU is a device of Windows, and on no PCI bus."""
        return self.under(WSL_DEVICE).exists()

    @property
    def has_gpu(self) -> bool:
        """Whether there may be a GPU, driver or not."""
        return bool(self.gpus) or self.is_wsl

    @cached_property
    def kernel_line(self) -> str | None:
        """The first line of what the loaded kernel module says of itself; None where there is none."""
        try:
            return read_text(self.proc_nvidia / "version", PROC_BYTES, "replace").partition("\n")[0].strip()
        except OSError:
            return None

    @cached_property
    def kernel_version(self) -> str | None:
        """The version in :attr:`kernel_line`; None where it holds none."""
        words = (self.kernel_line or "").split()
        return next((word for word in words if word[0].isdigit() and "." in word), None)

    @cached_property
    def library(self) -> dict[str, str] | GfdError:
        """Path and version of the NVML library, as :func:`gfd.probe.nvml.identify_library` tells them."""
        from gfd.probe import nvml
        from gfd.worker import child_process

        root, timeout_s = self.config.driver_root, self.config.probe_timeout_s
        return attempt(
            lambda: child_process.run(lambda progress: nvml.identify_library(root, progress), timeout_s)
        )

    @cached_property
    def inventory(self) -> Inventory | GfdError:
        """The hardware, complete; that there is no driver is an error, whatever the options say."""
        from gfd.worker import single_run
        from gfd.worker.request import build_request

        config = self.config._replace(fail_on_init_error=True)
        return attempt(lambda: single_run.read_inventory(build_request(config)))

    @cached_property
    def labels(self) -> Labels | GfdError:
        """What this machine renders."""
        from gfd.errors import DriverUnavailable
        from gfd.worker import single_run
        from gfd.worker.request import build_request

        given = self.inventory
        if isinstance(given, DriverUnavailable) and not self.config.fail_on_init_error:
            return attempt(lambda: single_run.label(build_request(self.config)).labels)
        if isinstance(given, GfdError):
            return given
        return attempt(lambda: single_run.label(build_request(self.config, inventory=given)).labels)

    @cached_property
    def comparisons(self) -> tuple[Comparison | GfdError, ...]:
        """What a cycle would change in each sink; empty without labels."""
        from gfd.tools.diff.diff import compare

        return () if isinstance(self.labels, GfdError) else tuple(compare(self.config, self.labels))

    @cached_property
    def cluster(self) -> Cluster | GfdError:
        """The API server, if it answers."""
        from gfd.tools.doctor.cluster import Cluster

        return attempt(lambda: Cluster(self.config))

    def reach(self) -> Cluster:
        """Return the cluster. Raises the GfdError that says why there is none."""
        if isinstance(self.cluster, GfdError):
            raise self.cluster
        return self.cluster
