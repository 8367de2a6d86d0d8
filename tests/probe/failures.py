"""NVML functions that fail, and what gfd must still read of a GPU."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from gfd.inventory.model import FactFailure, FailedGpu, Gpu, Inventory
from gfd.probe.node import PAUSES_S
from tests.probe.boards import H100, H100_STANDIN, NODE, PAIR, PAIR_STANDIN
from tests.probe.reading import GONE, INVALID_ARGUMENT, NOT_AVAILABLE, NOT_FOUND, NOT_SUPPORTED, TEXTS, Case
from tests.standin import Fault, Standin

Effect = Callable[[Gpu, Callable[[str], FactFailure], int], Gpu | FailedGpu]
"""Takes the GPU, a function that makes the failure of a fact, and the error code; returns what gfd reads."""


def on_mig(gpu: Gpu, **changes: object) -> Gpu:
    (device,) = gpu.mig_devices or ()
    return gpu._replace(mig_devices=(device._replace(**changes),))  # type: ignore[arg-type]


def failed(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> FailedGpu:
    failure = fault("gpu")
    # Without a handle NVML has no UUID. The address is the only one on the PCI bus that no other GPU has.
    uuid = None if failure.source == "nvmlDeviceGetHandleByIndex" else gpu.uuid
    return FailedGpu(index=gpu.index, failure=failure, pci_address=gpu.pci_address, uuid=uuid)


def without_mig(gpu: Gpu) -> Gpu:
    return gpu._replace(
        is_mig_capable=False,
        is_mig_enabled=False,
        multiprocessors=None,
        engines=None,
        profiles=(),
        mig_devices=(),
    )


def mig_mode(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> Gpu | FailedGpu:
    return without_mig(gpu) if code in NOT_AVAILABLE else failed(gpu, fault, code)


def required(gpu: Gpu, fault: Callable[[str], FactFailure], code: int, *, fact: str, also: str = "") -> Gpu:
    return gpu._replace(failures=(fault(fact),), **dict.fromkeys((fact, *also.split())))  # type: ignore[arg-type]


def optional(gpu: Gpu, fault: Callable[[str], FactFailure], code: int, *, fact: str, also: str = "") -> Gpu:
    """A fact that the GPU or the driver does not have is not a failure."""
    changed = required(gpu, fault, code, fact=fact, also=also)
    return changed._replace(failures=()) if code in NOT_AVAILABLE else changed


def without_profile(gpu: Gpu, reason: str) -> Gpu:
    """The MIG device has no profile, although no function failed on it."""
    why = FactFailure(
        fact="profile", source="nvmlGpuInstanceGetInfo", device=f"GPU {gpu.index} MIG 2", reason=reason
    )
    return on_mig(gpu, profile=None, failures=(why,))


def memory(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> Gpu:
    changed = optional(gpu, fault, code, fact="memory_bytes")
    changed = changed._replace(is_memory_unified=code == NOT_SUPPORTED)
    changed = changed._replace(multiprocessors=None, engines=None, profiles=())
    reason = "the memory of the GPU, which the profile's name depends on, could not be read"
    return without_profile(changed, reason)


def nvlink(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> Gpu:
    """Invalid Argument means that the GPU has no link with this number."""
    changed = optional(gpu, fault, code, fact="nvlink_links")
    return changed._replace(failures=()) if code == INVALID_ARGUMENT else changed


def profiles(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> Gpu:
    """Profiles of this GPU fail; those of the other GPU, of the same model, are read there."""
    failures = () if code in (NOT_SUPPORTED, INVALID_ARGUMENT) else (fault("profiles"),)
    changed = gpu._replace(profiles=(), multiprocessors=None, engines=None, failures=failures)
    return without_profile(changed, "no profile has GPU-instance id 9 and compute-instance id 0")


def mig_facts(gpu: Gpu, fault: Callable[[str], FactFailure], code: int, *, facts: str, also: str = "") -> Gpu:
    """Each of ``facts`` is missing, with a failure."""
    failures = tuple(fault(fact) for fact in facts.split())
    lost = [fact for fact in (*facts.split(), *also.split()) if fact != "attributes"]
    return on_mig(gpu, **dict.fromkeys(lost), failures=failures)


attributes = partial(
    mig_facts, facts="attributes profile", also="gi_slices ci_slices memory_mib multiprocessors engines"
)


def mig_handle(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> Gpu:
    if code in GONE:
        return gpu._replace(mig_devices=())
    return required(gpu, fault, code, fact="mig_devices")


def ci_profiles(gpu: Gpu, fault: Callable[[str], FactFailure], code: int) -> Gpu:
    if code == NOT_SUPPORTED:
        return without_profile(gpu, "no profile has GPU-instance id 9 and compute-instance id 0")
    return mig_facts(gpu, fault, code, facts="profile")


GPU_FUNCTIONS: dict[str, Effect] = {
    "nvmlDeviceGetHandleByIndex": failed,
    "nvmlDeviceGetName": failed,
    "nvmlDeviceGetMigMode": mig_mode,
    "nvmlDeviceGetCudaComputeCapability": failed,
    "nvmlDeviceGetUUID": partial(required, fact="uuid"),
    "nvmlDeviceGetBrand": partial(optional, fact="brand"),
    "nvmlDeviceGetArchitecture": partial(optional, fact="architecture"),
    "nvmlDeviceGetMemoryInfo": memory,
    "nvmlDeviceGetPciInfo": partial(
        optional, fact="pci_address", also="pci_device_id pci_class numa_node pcie_root"
    ),
    "nvmlDeviceGetMaxPcieLinkGeneration": partial(optional, fact="pcie_generation"),
    "nvmlDeviceGetMaxPcieLinkWidth": partial(optional, fact="pcie_width"),
    "nvmlDeviceGetPowerManagementLimit": partial(optional, fact="power_limit_mw"),
    "nvmlDeviceGetPowerManagementDefaultLimit": partial(optional, fact="power_default_limit_mw"),
    "nvmlDeviceGetNvLinkState": nvlink,
    "nvmlDeviceGetP2PStatus": partial(optional, fact="nvlink_peers"),
    "nvmlDeviceGetGpuFabricInfo": partial(optional, fact="fabric"),
    "nvmlDeviceGetGpuInstanceProfileInfo": profiles,
    "nvmlDeviceGetMaxMigDeviceCount": partial(required, fact="mig_devices"),
}
"""NVML function -> what gfd reads of a GPU on which it fails."""

MIG_FUNCTIONS: dict[str, Effect] = {
    "nvmlDeviceGetMigDeviceHandleByIndex": mig_handle,
    "nvmlDeviceGetAttributes": attributes,
    "nvmlDeviceGetGpuInstanceId": partial(mig_facts, facts="gi_id placement profile"),
    "nvmlDeviceGetComputeInstanceId": partial(mig_facts, facts="ci_id profile"),
    "nvmlDeviceGetUUID": partial(mig_facts, facts="uuid"),
    "nvmlDeviceGetGpuInstanceById": partial(mig_facts, facts="placement profile"),
    "nvmlGpuInstanceGetInfo": partial(mig_facts, facts="placement profile"),
    "nvmlGpuInstanceGetComputeInstanceById": partial(mig_facts, facts="profile"),
    "nvmlComputeInstanceGetInfo": partial(mig_facts, facts="profile"),
    "nvmlGpuInstanceGetComputeInstanceProfileInfo": ci_profiles,
}
"""The same for functions of a MIG device."""

NOT_RETRIED = ("nvmlDeviceGetMigDeviceHandleByIndex", "nvmlDeviceGetUUID")
"""The functions among them whose failure does not make gfd read again."""

SYSTEM_FUNCTIONS = {
    "nvmlSystemGetDriverVersion": "driver_version",
    "nvmlSystemGetCudaDriverVersion": "cuda_version",
}

CALLED_ONCE = ("nvmlDeviceGetGpuInstanceProfileInfo", "nvmlGpuInstanceGetComputeInstanceProfileInfo")
"""The functions that gfd calls on the first GPU of a model only."""

CALLED_AS = {"nvmlDeviceGetAttributes": "nvmlDeviceGetAttributes_v2"}
"""Function name in faults -> name in failures, if they differ."""


def sort_key(gpu: Gpu) -> tuple[bool, str]:
    return gpu.pci_address is None, gpu.pci_address or ""


def node_with(index: int, left: Gpu | FailedGpu) -> Inventory:
    """Return the node with two GPUs, one of them replaced by ``left``."""
    rest = tuple(gpu for gpu in PAIR if gpu.index != index)
    if isinstance(left, FailedGpu):
        alone = tuple(gpu._replace(nvlink_peers=None) for gpu in rest)
        return NODE._replace(gpus=alone, failed_gpus=(left,))
    return NODE._replace(gpus=tuple(sorted((*rest, left), key=sort_key)))


def make_failures() -> dict[str, Case]:
    cases = {}
    for functions, mig, about in ((GPU_FUNCTIONS, -1, ""), (MIG_FUNCTIONS, 2, " MIG 2")):
        for function, change in functions.items():
            for code, text in TEXTS.items():
                for index, gpu in enumerate(PAIR):
                    source = CALLED_AS.get(function, function)
                    device = f"GPU {index}{about}"

                    def fault(
                        fact: str,
                        source: str = source,
                        device: str = device,
                        text: str = text,
                        code: int = code,
                    ) -> FactFailure:
                        return FactFailure(fact=fact, source=source, device=device, reason=text, code=code)

                    is_called = index == 0 or function not in CALLED_ONCE
                    # This function takes the GPU, though it is called for a MIG device.
                    target = -1 if function == "nvmlDeviceGetGpuInstanceById" else mig
                    is_about_mig = mig >= 0 or function == "nvmlDeviceGetMaxMigDeviceCount"
                    is_retried = is_about_mig and is_called and code in GONE and function not in NOT_RETRIED
                    broken = Fault(function=function, gpu=index, mig=target, error=code)
                    cases[f"{function} {device} {code}"] = Case(
                        machine=replace(PAIR_STANDIN, faults=(broken,)),
                        expected=node_with(index, change(gpu, fault, code) if is_called else gpu),
                        pci=PAIR,
                        pauses=PAUSES_S if is_retried else (),
                    )
    return cases


def make_changes() -> dict[str, Case]:
    """A MIG device disappears during a read; gfd reads again and returns what is there in the end."""
    emptied = replace(H100_STANDIN, migs=())
    empty = NODE._replace(gpus=(H100._replace(mig_devices=()),))
    cases = {}
    for function in [each for each in MIG_FUNCTIONS if each not in NOT_RETRIED]:
        for code in GONE:
            broken = Standin(gpus=(H100_STANDIN,), faults=(Fault(function=function, error=code),))
            cases[f"{function} {code} and a device that went"] = Case(
                machine=broken, later=(Standin(gpus=(emptied,)),), expected=empty, pauses=PAUSES_S[:1]
            )
            cases[f"{function} {code} and a change that takes its time"] = Case(
                machine=broken,
                later=(broken, broken, Standin(gpus=(H100_STANDIN,))),
                expected=NODE._replace(gpus=(H100,)),
                pauses=PAUSES_S,
            )
    broken = Standin(
        gpus=(H100_STANDIN,), faults=(Fault(function="nvmlDeviceGetGpuInstanceById", error=NOT_FOUND),)
    )
    off = replace(H100_STANDIN, mig=False, migs=())
    cases["MIG mode is switched off"] = Case(
        machine=broken,
        later=(Standin(gpus=(off,)),),
        expected=NODE._replace(gpus=(H100._replace(is_mig_enabled=False, mig_devices=()),)),
        pauses=PAUSES_S[:1],
    )
    cases["the driver goes away"] = Case(
        machine=broken,
        later=(Standin(faults=(Fault(function="nvmlInit", error=9),)),),
        expected=f"DriverUnavailable: nvmlInit failed: {INIT_TEXTS[9]}",
        pci=(H100,),
        pauses=PAUSES_S[:1],
    )
    return cases


def make_system_failures() -> dict[str, Case]:
    cases = {}
    for code, text in TEXTS.items():
        for function, fact in SYSTEM_FUNCTIONS.items():
            why = FactFailure(fact=fact, source=function, device="", reason=text, code=code)
            lacking = NODE._replace(gpus=PAIR, failures=(why,), **{fact: None})  # type: ignore[arg-type]
            broken = Fault(function=function, error=code)
            cases[f"{function} {code}"] = Case(
                machine=replace(PAIR_STANDIN, faults=(broken,)), expected=lacking
            )
        broken = Fault(function="nvmlDeviceGetCount", error=code)
        cases[f"nvmlDeviceGetCount {code}"] = Case(
            machine=replace(PAIR_STANDIN, faults=(broken,)),
            expected=f"NvmlCallFailed: nvmlDeviceGetCount failed: {text} (NVML error {code})",
        )
    return cases


INIT_TEXTS = {
    9: "Driver Not Loaded (NVML error 9); load the NVIDIA kernel module (nvidia-smi shows whether it "
    "answers)",
    18: "RM has detected an NVML/RM version mismatch. (NVML error 18); the library and the loaded kernel "
    "module have different versions: reload the kernel module or reboot the node; restart a container that "
    "still has the old library",
    4: "Insufficient Permissions (NVML error 4); run as a user that may open /dev/nvidiactl, or give the "
    "container the device nodes",
    999: "Unknown Error (NVML error 999); see the kernel log (dmesg) for messages of NVRM and Xid",
}
INIT_CASES = {
    f"nvmlInit {code}": Case(
        machine=replace(PAIR_STANDIN, faults=(Fault(function="nvmlInit", error=code),)),
        expected=f"DriverUnavailable: nvmlInit failed: {text}",
    )
    for code, text in INIT_TEXTS.items()
}


def lost_function(fact: str, function: str) -> FactFailure:
    return FactFailure(fact=fact, source=function, device="GPU 0", reason="Function Not Found", code=13)


def lost_attributes(gpu: Gpu) -> Gpu:
    def fault(fact: str) -> FactFailure:
        return FactFailure(
            fact=fact,
            source="nvmlDeviceGetAttributes_v2",
            device="GPU 0 MIG 2",
            reason="Function Not Found",
            code=13,
        )

    return attributes(gpu, fault, 13)


FAILURES = make_failures() | make_system_failures() | INIT_CASES
CHANGES = make_changes()
