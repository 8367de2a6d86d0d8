"""Check the GPU of a Tegra chip, CUDA and the device nodes that CUDA opens."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gfd.errors import DriverUnavailable, GfdError
from gfd.labels.requirements import CUDA_LOG_ADVICE
from gfd.probe.sysfs import has_tegra_files
from gfd.tools.doctor.outcome import split_error
from gfd.tools.doctor.result import fail, ok, skip, warn
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_NODES = ("nvmap", "nvhost-ctrl-gpu", "nvgpu/*/ctrl", "nvidiactl", "nvidia[0-9]")
"""What CUDA opens in /dev: nvmap everywhere, the others by chip and JetPack."""
_RUNTIME = "in a container, use the NVIDIA runtime and set NVIDIA_VISIBLE_DEVICES=all"


def check_gpu(context: Context) -> CheckResult:
    """Check that CUDA shows a GPU, or at least that this is a Tegra machine."""
    if not isinstance(context.inventory, GfdError) and context.inventory.gpus:
        return ok(", ".join(gpu.name for gpu in context.inventory.gpus))
    if has_tegra_files(context.root):
        return ok("this is a Tegra machine")
    if context.config.device_discovery_strategy == "auto":
        return ok("NVML names a GPU that is integrated into a Tegra chip")
    step = "if it is no Jetson and no Thor, use --device-discovery-strategy auto"
    return warn("neither /etc/nv_tegra_release nor /sys/devices/soc0/family shows a Tegra chip", step)


def check_library(context: Context) -> CheckResult:
    """Check that libcuda can be loaded."""
    library = context.cuda_library
    if isinstance(library, GfdError):
        return fail(*split_error(library, CUDA_LOG_ADVICE))
    return ok(os.path.realpath(library))


def check_cuda(context: Context) -> CheckResult:
    """Check that CUDA answers for every GPU."""
    inventory = context.inventory
    if isinstance(inventory, DriverUnavailable) and isinstance(context.cuda_library, GfdError):
        return skip("CUDA cannot work without its library")
    if isinstance(inventory, GfdError):
        return fail(*split_error(inventory, CUDA_LOG_ADVICE))
    if inventory.failed_gpus:
        return fail("; ".join(map(str, inventory.failed_gpus)), CUDA_LOG_ADVICE)
    if not inventory.gpus:
        return warn("CUDA shows no GPU", f"{_RUNTIME}; otherwise {CUDA_LOG_ADVICE}")
    version = inventory.cuda_version
    seen = pluralize(len(inventory.gpus), "GPU")
    return ok(seen if version is None else f"{seen}, CUDA {version // 1000}.{version % 1000 // 10}")


def check_device_nodes(context: Context) -> CheckResult:
    """Check that gfd can open the device nodes that CUDA opens; if CUDA works, it can."""
    folder = context.under("/dev")
    nodes = sorted(path for pattern in _NODES for path in folder.glob(pattern))
    closed = [path for path in nodes if not os.access(path, os.R_OK | os.W_OK, effective_ids=True)]
    if not isinstance(context.inventory, GfdError) and context.inventory.gpus:
        return ok(_join([path for path in nodes if path not in closed]) or "CUDA works without known ones")
    if not nodes:
        names = ", ".join(f"{folder}/{name}" for name in _NODES)
        return fail(f"none of {names} exists", f"{_RUNTIME}; otherwise {CUDA_LOG_ADVICE}")
    if closed:
        groups = ", ".join(map(str, sorted({path.stat().st_gid for path in closed})))
        step = f"run gfd with the group that owns them ({groups}); in a pod, add it to supplementalGroups"
        return fail(f"user {os.geteuid()} cannot open {_join(closed)}", step)
    return ok(_join(nodes))


def _join(paths: list[Path]) -> str:
    return ", ".join(map(str, paths))
