"""From the GPU to the inventory."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from gfd.agent.mounts import NEXT_STEP, find_unseen_changes
from gfd.errors import DriverUnavailable, GfdError, ProbeError
from gfd.files import PROC_BYTES, read_text
from gfd.labels.requirements import MIG_ADVICE, NO_PERMISSION, find_permission_failure
from gfd.probe.driver_files import find_program
from gfd.tools.doctor.context import WSL_DEVICE
from gfd.tools.doctor.result import Check, fail, ok, skip, warn

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.result import Finding

_MINOR = re.compile(r"^Device Minor:\s*(\d+)", re.MULTILINE)
_KERNEL_LOG = "see the kernel log (dmesg) for messages of NVRM and Xid; reset the GPU, or reboot the node"
_WSL_LIBRARY = "on WSL2 the driver is installed on Windows, and its library lies in /usr/lib/wsl/lib"
_CONTAINER = "in a container use the NVIDIA runtime with NVIDIA_VISIBLE_DEVICES=all"


def _gpu(site: Site) -> Finding:
    if found := site.gpus:
        return ok(f"on the PCI bus: {_count(len(found), 'NVIDIA GPU')} ({', '.join(found)})")
    if site.is_wsl:
        return ok(f"on WSL2: {site.under(WSL_DEVICE)}, the GPU of Windows, which is on no PCI bus")
    if isinstance(site.inventory, GfdError):
        step = (
            "nothing is wrong if this node has none; else check that it is seated, or passed to the machine"
        )
        return warn("no NVIDIA GPU on the PCI bus", step)
    return ok("none on the PCI bus, but the driver has one")


def _driver(site: Site) -> Finding:
    if site.kernel_line is not None:
        return ok(site.kernel_line)
    if site.is_wsl:
        return ok("that of Windows: WSL2 has no kernel module of NVIDIA's")
    if not isinstance(site.inventory, GfdError):
        step = "mount the host's /proc/driver read-only and name it with --proc-driver-dir"
        return warn(f"loaded, but {site.proc_nvidia}/version is not visible", step)
    if not site.has_gpu:
        return skip("not loaded, and there is no GPU")
    step = "load it (modprobe nvidia), or install the driver of the GPU; dmesg says why it does not load"
    return fail(f"the kernel module is not loaded: there is no {site.proc_nvidia}/version", step)


def _library(site: Site) -> Finding:
    library = site.library
    if isinstance(library, GfdError):
        if site.kernel_line is None and not site.has_gpu:
            return skip("not found, and there is no GPU")
        reason, step = _split(library)
        return fail(reason, f"{step}; {_WSL_LIBRARY}" if site.is_wsl else step)
    path, kernel = os.path.realpath(library["path"]), site.kernel_version
    # The version is 13.580.159.04: CUDA's, and the driver's. The file's name ends with the latter.
    version = library["version"].partition(".")[2] or path.rpartition(".so.")[2]
    if kernel is None or not re.fullmatch(r"\d+\.\d+[.\d]*", version):
        return ok(f"{path}, version {version}" if "." in version else path)
    if version != kernel:
        step = "stop what still uses the old driver and reload the kernel module, or reboot the node"
        return fail(f"{path} is {version}, the kernel module {kernel}", step)
    return ok(f"{path}, version {version} as the kernel module")


def _nvml(site: Site) -> Finding:
    inventory = site.inventory
    if isinstance(inventory, DriverUnavailable) and isinstance(site.library, GfdError):
        return skip("cannot be asked without its library")
    if isinstance(inventory, GfdError):
        return fail(*_split(inventory))
    failed = "; ".join(str(each) for each in inventory.failed_gpus)
    if failed:
        is_refused = any(each.failure.code == NO_PERMISSION for each in inventory.failed_gpus)
        return fail(failed, MIG_ADVICE if is_refused else _KERNEL_LOG)
    answering, there = len(inventory.gpus), len(site.gpus)
    seen = f"{_count(answering, 'GPU')} answering, driver {inventory.driver_version}"
    if answering < there:
        return warn(f"{seen}, the PCI bus shows {there}", f"{_CONTAINER}; else {_KERNEL_LOG}")
    return ok(seen)


def _devices(site: Site) -> Finding:
    folder = site.under("/dev")
    if site.is_wsl:
        paths = [site.under(WSL_DEVICE)]
        return _closed(paths) or ok(str(paths[0]))
    minors = _minors(site)
    paths = [folder / "nvidiactl", *(folder / f"nvidia{minor}" for minor in minors)]
    if site.kernel_line is None and not paths[0].exists():
        return skip("there are none without the driver")
    if missing := [str(path) for path in paths if not path.exists()]:
        program = find_program(site.config.driver_root, "nvidia-smi")
        return fail(
            f"missing: {', '.join(missing)}", f"run {program} once as root, which makes them; {_CONTAINER}"
        )
    return _closed(paths) or ok(", ".join(str(path) for path in paths))


def _closed(paths: list[Path]) -> Finding | None:
    """Return the finding about device nodes that cannot be opened; None where all can."""
    if closed := [str(path) for path in paths if not os.access(path, os.R_OK | os.W_OK, effective_ids=True)]:
        step = "run as a user who may read and write them, or chmod 0666 them (NVreg_DeviceFileMode)"
        return fail(f"no permission for user {os.geteuid()}: {', '.join(closed)}", step)
    return None


def _minors(site: Site) -> list[int]:
    found = []
    for file in sorted((site.proc_nvidia / "gpus").glob("*/information")):
        match = _MINOR.search(read_text(file, PROC_BYTES, "replace"))
        if match:
            found.append(int(match[1]))
    return sorted(found)


def _mig(site: Site) -> Finding:
    inventory = site.inventory
    if isinstance(inventory, GfdError):
        return skip("cannot be told without the driver")
    enabled = [gpu for gpu in inventory.gpus if gpu.is_mig_enabled]
    if not enabled:
        is_capable = any(gpu.is_mig_capable for gpu in inventory.gpus)
        return ok("no GPU is in MIG mode" if is_capable else "no GPU can do MIG")
    seen = sum(len(gpu.mig_devices or ()) for gpu in enabled)
    said = f"{_count(len(enabled), 'GPU')} in MIG mode, {_count(seen, 'MIG device')}"
    if refusals := [why for gpu in enabled if (why := find_permission_failure(gpu)) is not None]:
        reason = f"{said}, but NVML refuses to tell of them: {refusals[0].to_error()}"
        # Under none no more than the label of the memory depends on it.
        return (warn if site.config.mig_strategy == "none" else fail)(reason, MIG_ADVICE)
    if site.config.mig_strategy == "none":
        return ok(f"{said}, of which --mig-strategy none says nothing")
    return _capabilities(site, said, seen)


def _capabilities(site: Site, said: str, seen: int) -> Finding:
    """Compare the MIG devices that NVML has shown with the kernel's, and see what watches them."""
    folder = site.proc_nvidia / "capabilities"
    if not folder.is_dir():
        return warn(f"{said}; {folder} is not visible", NEXT_STEP)
    made = len(list(folder.glob("gpu*/mig/gi*/ci*/access")))
    if made != seen:
        return fail(f"{said}, but {made} in {folder}", MIG_ADVICE)
    if reason := _closed_monitor(site, folder):
        return warn(f"{said}; {reason}, so that new ones may stay unseen", MIG_ADVICE)
    return ok(f"{said}, as many as in {folder}")


def _closed_monitor(site: Site, capabilities: Path) -> str | None:
    """Return why the device that shows all MIG instances cannot be read; None where it can."""
    try:
        match = re.search(
            r"DeviceFileMinor:\s*(\d+)", read_text(capabilities / "mig/monitor", PROC_BYTES, "replace")
        )
    except OSError:
        return f"there is no {capabilities}/mig/monitor"
    if match is None:
        return f"{capabilities}/mig/monitor names no device"
    path = site.under("/dev/nvidia-caps") / f"nvidia-cap{match[1]}"
    return None if os.access(path, os.R_OK, effective_ids=True) else f"{path} cannot be read"


def _proc(site: Site) -> Finding:
    folder = site.config.proc_driver_dir
    if folder is None:
        return warn("--proc-driver-dir is empty: changes are seen at the next interval only", NEXT_STEP)
    reason = find_unseen_changes(site.under(folder), site.mountinfo)
    return warn(reason, NEXT_STEP) if reason else ok(f"{site.under(folder)} is what the kernel shows")


def _facts(site: Site) -> Finding:
    inventory = site.inventory
    if isinstance(inventory, GfdError):
        return skip("nothing could be read")
    failures = list(inventory.failures)
    for gpu in inventory.gpus:
        failures += gpu.failures
        failures += [failure for device in gpu.mig_devices or () for failure in device.failures]
    # Without privileges that is as it should be; the README says so.
    hidden = [each for each in failures if each.fact == "vgpu"]
    said = [str(each.to_error()) for each in failures if each not in hidden]
    if said:
        more = f"; and {len(said) - 3} more" if len(said) > 3 else ""
        step = "labels that need them are left out, or fail: gfd snapshot shows all"
        return warn("; ".join(said[:3]) + more, step)
    return ok(f"all read, but vgpu.present: {hidden[0].reason}" if hidden else "all read")


def _split(error: GfdError) -> tuple[str, str]:
    """Return what happened, and the next step."""
    if isinstance(error, ProbeError) and error.advice:
        return error.reason, error.advice
    return str(error), _KERNEL_LOG


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


CHECKS = (
    Check(name="GPU", examine=_gpu),
    Check(name="driver", examine=_driver),
    Check(name="library", examine=_library),
    Check(name="NVML", examine=_nvml),
    Check(name="device nodes", examine=_devices),
    Check(name="MIG", examine=_mig),
    Check(name="/proc", examine=_proc),
    Check(name="facts", examine=_facts),
)
