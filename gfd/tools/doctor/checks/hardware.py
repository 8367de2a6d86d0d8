"""Check the GPU, the driver, NVML, MIG and /proc."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from gfd.agent.mounts import NEXT_STEP, find_unseen_changes
from gfd.errors import DriverUnavailable, GfdError
from gfd.files import PROC_BYTES, read_text
from gfd.labels.requirements import MIG_ADVICE, NO_PERMISSION, find_permission_failure
from gfd.probe import vfio
from gfd.probe.driver_files import find_program
from gfd.tools.doctor.checks import tegra
from gfd.tools.doctor.context import WSL_DEVICE
from gfd.tools.doctor.outcome import split_error
from gfd.tools.doctor.result import Check, fail, ok, skip, warn
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_NVML = ("nvml",)
_MINOR = re.compile(r"^Device Minor:\s*(\d+)", re.MULTILINE)
_KERNEL_LOG = "look for NVRM and Xid messages in the kernel log (dmesg); reset the GPU or reboot the node"
_PCI_LOG = "look for messages about this PCI address in the kernel log (dmesg)"
_WSL_LIBRARY = "on WSL2, install the driver on Windows; its library is in /usr/lib/wsl/lib"
_CONTAINER = "in a container, use the NVIDIA runtime and set NVIDIA_VISIBLE_DEVICES=all"


def _check_gpu(context: Context) -> CheckResult:
    check = {"nvml": _check_nvml_gpus, "tegra": tegra.check_gpu, "vfio": _check_vm_gpus}
    return check[context.strategy](context)


def _check_nvml_gpus(context: Context) -> CheckResult:
    if found := context.gpus:
        seen = f"{pluralize(len(found), 'NVIDIA GPU')} on the PCI bus ({', '.join(found)})"
        if isinstance(context.inventory, DriverUnavailable) and _are_all_for_vms(context):
            step = "for their labels pass --device-discovery-strategy vfio"
            return warn(f"{seen}, bound to a vfio driver for virtual machines", step)
        return ok(seen)
    if context.is_wsl:
        return ok(f"WSL2: {context.under(WSL_DEVICE)} is the GPU of Windows; the PCI bus does not show it")
    if isinstance(context.inventory, GfdError):
        step = "if this node has a GPU, check that it sits in its slot or is passed to the virtual machine"
        return warn("no NVIDIA GPU on the PCI bus", step)
    return ok("the driver has a GPU, but the PCI bus shows none")


def _are_all_for_vms(context: Context) -> bool:
    return all(gpu.is_for_vms for gpu in vfio.list_gpus(context.root))


def _check_vm_gpus(context: Context) -> CheckResult:
    """Check which GPUs are bound to a vfio driver, so that virtual machines can get them."""
    inventory = context.inventory
    if isinstance(inventory, GfdError):
        return fail(*split_error(inventory, _KERNEL_LOG))
    if inventory.failed_gpus:
        return fail("; ".join(map(str, inventory.failed_gpus)), _PCI_LOG)
    others = {gpu.address: gpu.driver for gpu in vfio.list_gpus(context.root) if not gpu.is_for_vms}
    bound = [gpu.pci_address or "" for gpu in inventory.gpus]
    if not bound and not others:
        step = "if this node has a GPU, check that it sits in its slot"
        return warn("no NVIDIA GPU on the PCI bus", step)
    left = ", ".join(f"{address} ({driver or 'no driver'})" for address, driver in others.items())
    if not bound:
        step = (
            "bind GPUs for virtual machines to vfio-pci; for containers use --device-discovery-strategy auto"
        )
        return warn(f"no NVIDIA GPU is bound to vfio-pci; not counted: {left}", step)
    seen = f"{pluralize(len(bound), 'NVIDIA GPU')} for virtual machines ({', '.join(bound)})"
    return ok(f"{seen}; not counted: {left}" if left else seen)


def _check_driver(context: Context) -> CheckResult:
    if context.kernel_line is not None:
        return ok(context.kernel_line)
    if context.is_wsl:
        return ok("WSL2 uses the driver of Windows and has no NVIDIA kernel module")
    if not isinstance(context.inventory, GfdError):
        step = "mount the host's /proc/driver read-only and pass its path with --proc-driver-dir"
        return warn(f"the driver is loaded, but {context.proc_nvidia}/version is not visible", step)
    if not context.has_gpu:
        return skip("not loaded; there is no GPU")
    step = "run modprobe nvidia, or install the driver; dmesg shows why the module does not load"
    return fail(f"the kernel module is not loaded: {context.proc_nvidia}/version does not exist", step)


def _check_library(context: Context) -> CheckResult:
    if context.strategy == "tegra":
        return tegra.check_library(context)
    library = context.library
    if isinstance(library, GfdError):
        if context.kernel_line is None and not context.has_gpu:
            return skip("not found; there is no GPU")
        reason, step = split_error(library, _KERNEL_LOG)
        return fail(reason, f"{step}; {_WSL_LIBRARY}" if context.is_wsl else step)
    path, kernel = os.path.realpath(library["path"]), context.kernel_version
    # The version, such as 13.580.159.04, is CUDA's and the driver's. The file name ends with the driver's.
    version = library["version"].partition(".")[2] or path.rpartition(".so.")[2]
    if kernel is None or not re.fullmatch(r"\d+\.\d+[.\d]*", version):
        return ok(f"{path}, version {version}" if "." in version else path)
    if version != kernel:
        step = "stop the programs that use the old driver and reload the kernel module, or reboot the node"
        return fail(f"{path} has version {version}, the kernel module {kernel}", step)
    return ok(f"{path}, version {version}, like the kernel module")


def _check_nvml(context: Context) -> CheckResult:
    inventory = context.inventory
    if isinstance(inventory, DriverUnavailable) and isinstance(context.library, GfdError):
        return skip("NVML cannot work without its library")
    if isinstance(inventory, GfdError):
        return fail(*split_error(inventory, _KERNEL_LOG))
    failed = "; ".join(str(each) for each in inventory.failed_gpus)
    if failed:
        is_refused = any(each.failure.code == NO_PERMISSION for each in inventory.failed_gpus)
        return fail(failed, MIG_ADVICE if is_refused else _KERNEL_LOG)
    answering, there = len(inventory.gpus), len(context.gpus)
    seen = f"{pluralize(answering, 'GPU')}, driver {inventory.driver_version}"
    if answering < there:
        return warn(f"{seen}, but the PCI bus shows {there}", f"{_CONTAINER}; otherwise {_KERNEL_LOG}")
    return ok(seen)


def _check_device_nodes(context: Context) -> CheckResult:
    if context.strategy == "tegra":
        return tegra.check_device_nodes(context)
    folder = context.under("/dev")
    if context.is_wsl:
        paths = [context.under(WSL_DEVICE)]
        return _find_closed(paths) or ok(str(paths[0]))
    minors = _read_minors(context)
    paths = [folder / "nvidiactl", *(folder / f"nvidia{minor}" for minor in minors)]
    if context.kernel_line is None and not paths[0].exists():
        return skip("missing, because the driver is not loaded")
    if missing := [str(path) for path in paths if not path.exists()]:
        program = find_program(context.config.driver_root, "nvidia-smi")
        return fail(
            f"missing: {', '.join(missing)}", f"run {program} once as root to create them; {_CONTAINER}"
        )
    return _find_closed(paths) or ok(", ".join(str(path) for path in paths))


def _find_closed(paths: list[Path]) -> CheckResult | None:
    """Return a failure if gfd cannot open some device nodes, else None."""
    if closed := [str(path) for path in paths if not os.access(path, os.R_OK | os.W_OK, effective_ids=True)]:
        step = (
            "run gfd as a user who can read and write them, or set their mode to 0666 (NVreg_DeviceFileMode)"
        )
        return fail(f"user {os.geteuid()} cannot open {', '.join(closed)}", step)
    return None


def _read_minors(context: Context) -> list[int]:
    found = []
    for file in sorted((context.proc_nvidia / "gpus").glob("*/information")):
        match = _MINOR.search(read_text(file, PROC_BYTES, "replace"))
        if match:
            found.append(int(match[1]))
    return sorted(found)


def _check_mig(context: Context) -> CheckResult:
    inventory = context.inventory
    if isinstance(inventory, GfdError):
        return skip("unknown without the driver")
    enabled = [gpu for gpu in inventory.gpus if gpu.is_mig_enabled]
    if not enabled:
        is_capable = any(gpu.is_mig_capable for gpu in inventory.gpus)
        return ok("no GPU is in MIG mode" if is_capable else "no GPU supports MIG")
    seen = sum(len(gpu.mig_devices or ()) for gpu in enabled)
    summary = f"{pluralize(len(enabled), 'GPU')} in MIG mode, {pluralize(seen, 'MIG device')}"
    if refusals := [why for gpu in enabled if (why := find_permission_failure(gpu)) is not None]:
        reason = f"{summary}, but NVML refuses to read them: {refusals[0].to_error()}"
        # With --mig-strategy none, only the label of the memory depends on the MIG devices.
        return (warn if context.config.mig_strategy == "none" else fail)(reason, MIG_ADVICE)
    if context.config.mig_strategy == "none":
        return ok(f"{summary}; --mig-strategy none does not label them")
    return _compare_capabilities(context, summary, seen)


def _compare_capabilities(context: Context, summary: str, seen: int) -> CheckResult:
    """Compare the MIG devices of NVML with those of the kernel, and check that gfd can watch them."""
    folder = context.proc_nvidia / "capabilities"
    if not folder.is_dir():
        return warn(f"{summary}; {folder} is not visible", NEXT_STEP)
    number = len(list(folder.glob("gpu*/mig/gi*/ci*/access")))
    if number != seen:
        return fail(f"{summary}, but {folder} has {number}", MIG_ADVICE)
    if reason := _explain_closed_monitor(context, folder):
        return warn(f"{summary}; {reason}, so gfd may not see new MIG devices", MIG_ADVICE)
    return ok(f"{summary}, as in {folder}")


def _explain_closed_monitor(context: Context, capabilities: Path) -> str | None:
    """Return why gfd cannot read the device that shows all MIG instances, or None if it can."""
    try:
        match = re.search(
            r"DeviceFileMinor:\s*(\d+)", read_text(capabilities / "mig/monitor", PROC_BYTES, "replace")
        )
    except OSError:
        return f"there is no {capabilities}/mig/monitor"
    if match is None:
        return f"{capabilities}/mig/monitor names no device"
    path = context.under("/dev/nvidia-caps") / f"nvidia-cap{match[1]}"
    return None if os.access(path, os.R_OK, effective_ids=True) else f"{path} cannot be read"


def _check_proc(context: Context) -> CheckResult:
    folder = context.config.proc_driver_dir
    if folder is None:
        return warn("--proc-driver-dir is empty, so gfd sees changes only at the next interval", NEXT_STEP)
    reason = find_unseen_changes(context.under(folder), context.mountinfo)
    return warn(reason, NEXT_STEP) if reason else ok(f"gfd sees changes in {context.under(folder)}")


def _check_facts(context: Context) -> CheckResult:
    inventory = context.inventory
    if isinstance(inventory, GfdError):
        return skip("the hardware cannot be read")
    failures = list(inventory.failures)
    for gpu in inventory.gpus:
        failures += gpu.failures
        failures += [failure for device in gpu.mig_devices or () for failure in device.failures]
    # Without privileges, vgpu cannot be read; that is normal.
    hidden = [each for each in failures if each.fact == "vgpu"]
    problems = [str(each.to_error()) for each in failures if each not in hidden]
    if problems:
        more = f"; and {len(problems) - 3} more" if len(problems) > 3 else ""
        step = "labels that need these values are left out or fail; gfd snapshot shows all values"
        return warn("; ".join(problems[:3]) + more, step)
    return ok(
        f"all values were read except vgpu.present: {hidden[0].reason}" if hidden else "all values were read"
    )


CHECKS = (
    Check(name="GPU", run=_check_gpu),
    Check(name="driver", run=_check_driver, strategies=_NVML),
    Check(name="library", run=_check_library, strategies=("nvml", "tegra")),
    Check(name="NVML", run=_check_nvml, strategies=_NVML),
    Check(name="CUDA", run=tegra.check_cuda, strategies=("tegra",)),
    Check(name="device nodes", run=_check_device_nodes, strategies=("nvml", "tegra")),
    Check(name="MIG", run=_check_mig, strategies=_NVML),
    Check(name="/proc", run=_check_proc, strategies=_NVML),
    Check(name="facts", run=_check_facts),
)
