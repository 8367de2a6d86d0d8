"""The real pynvml against the stand-in driver: whole inventories, and what is recorded of all that can fail.

The reads of a library run in one child process: the stand-in takes its description anew at every nvmlInit.
"""

from __future__ import annotations

import ctypes.util
import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gfd.inventory import snapshot
from gfd.inventory.model import (
    Engines,
    Fabric,
    FailedGpu,
    Failure,
    Gpu,
    Inventory,
    MigDevice,
    MigProfile,
    Placement,
    Vgpu,
)
from gfd.probe.node import PAUSES_S
from gfd.simulation import machines
from tests import standin
from tests.standin import Fault, Standin, StandinGpu, StandinMig, StandinProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Change = Callable[[Gpu, Callable[[str], Failure], int], Gpu | FailedGpu]

REPOSITORY = Path(__file__).parents[2]

READ = """
import json, os, sys, time
from pathlib import Path
from gfd.inventory import snapshot
from gfd.errors import GfdError
from gfd.probe import node

pauses, machines = [], []

def pause(seconds):
    pauses.append(seconds)
    if machines:
        os.environ["GFD_STANDIN"] = machines.pop(0)

time.sleep = pause
for line in sys.stdin:
    case = json.loads(line)
    os.environ.update(case["environment"])
    pauses.clear()
    machines[:] = case["later"]
    driver_root = case["driver_root"] and Path(case["driver_root"])
    try:
        found = node.read(
            root=Path(case["root"]), driver_root=driver_root, machine_type_file=case["machine_type_file"]
        )
        answer = snapshot.to_json(found)
    except GfdError as error:
        answer = f"{type(error).__name__}: {error}"
    print(json.dumps([answer, pauses]))
"""

INVALID_ARGUMENT, NOT_SUPPORTED, NOT_FOUND, FUNCTION_NOT_FOUND = 2, 3, 6, 13
TEXTS = {
    1: "Uninitialized",
    2: "Invalid Argument",
    3: "Not Supported",
    4: "Insufficient Permissions",
    6: "Not Found",
    13: "Function Not Found",
    15: "GPU is lost",
    999: "Unknown Error",
}
UNKNOWN_QUESTION = (NOT_SUPPORTED, FUNCTION_NOT_FOUND)
GONE = (INVALID_ARGUMENT, NOT_FOUND)
"""What a MIG device answers that was destroyed meanwhile."""


# ---- Reading ----


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A machine to read, and what is to come of it: an inventory, or the kind and text of an error."""

    machine: Standin
    expected: Inventory | str
    pci: tuple[Gpu, ...] | None = None
    """GPUs that sysfs knows; None for those of ``expected``."""
    later: tuple[Standin, ...] = ()
    """What the machine is after the first pause, after the second, …"""
    pauses: tuple[float, ...] = ()
    """Between the reads that it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    found: Inventory | str
    calls: tuple[str, ...]
    """Names of the NVML functions, in order."""
    pauses: tuple[float, ...]
    """In seconds."""


def lay_out_sysfs(root: Path, gpus: Iterable[Gpu]) -> Path:
    (root / "sys/bus/pci/devices").mkdir(parents=True)
    for gpu in gpus:
        if gpu.pci_address is None:
            continue
        folder = root / "sys/bus/pci/devices" / gpu.pci_address
        folder.mkdir()
        (folder / "vendor").write_text("0x10de\n")
        (folder / "class").write_text(f"0x{gpu.pci_class or 0:04x}00\n")
        (folder / "numa_node").write_text(f"{-1 if gpu.numa_node is None else gpu.numa_node}\n")
        (folder / "config").write_bytes(bytes(256))
    return root


def read_all(
    folder: Path,
    cases: dict[str, Case],
    *,
    library: Path | None,
    driver_root: Path | None = None,
    machine_type_file: str = "",
) -> dict[str, Answer]:
    """Return what a child process reads on each machine; ``library`` is for LD_LIBRARY_PATH."""
    folder.mkdir(parents=True, exist_ok=True)
    lines, logs = [], []
    for number, case in enumerate(cases.values()):
        here = folder / str(number)
        here.mkdir()
        gpus = case.pci
        if gpus is None:
            gpus = case.expected.gpus if isinstance(case.expected, Inventory) else ()
        logs.append(here / "log")
        given = {
            "environment": {
                "GFD_STANDIN": str(case.machine.write(here / "machine")),
                "GFD_STANDIN_LOG": str(here / "log"),
            },
            "root": str(lay_out_sysfs(here / "root", gpus)),
            "driver_root": driver_root and str(driver_root),
            "machine_type_file": machine_type_file,
            "later": [
                str(machine.write(here / f"machine{index}")) for index, machine in enumerate(case.later)
            ],
        }
        lines.append(json.dumps(given))
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
    if library is not None:
        environment = standin.environment(library, folder)
    output = subprocess.run(
        [sys.executable, "-c", READ],
        input="\n".join(lines),
        stdout=subprocess.PIPE,
        env=environment,
        cwd=REPOSITORY,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    answers = [json.loads(line) for line in output.splitlines()]
    return {
        name: Answer(
            found=snapshot.read(answer, name) if answer.startswith("{") else answer,
            calls=tuple(line.split()[0] for line in log.read_text().splitlines()) if log.exists() else (),
            pauses=tuple(pauses),
        )
        for name, (answer, pauses), log in zip(cases, answers, logs, strict=True)
    }


def read_one(folder: Path, case: Case, *, without: Iterable[str] = ()) -> Answer:
    library = standin.build(folder / "library", without=tuple(without))
    return read_all(folder / "cases", {"one": case}, library=library)["one"]


# ---- Two H100 with a MIG device each ----

CLUSTER = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
H100_BYTES = 85_520_809_984
ALL_ENGINES = Engines(copy=8, decoder=7, encoder=0, jpeg=7, ofa=1)
THREE_ENGINES = Engines(copy=3, decoder=3, encoder=0, jpeg=3, ofa=0)

H100_PLAYED = StandinGpu(
    name="NVIDIA H100 80GB HBM3",
    uuid="GPU-0",
    brand=14,
    architecture=9,
    cc_major=9,
    cc_minor=0,
    memory=H100_BYTES,
    pci="00000000:1B:00.0",
    pci_device_id=0x233010DE,
    pcie_generation=5,
    pcie_width=16,
    mig=True,
    max_mig=7,
    fabric_state=3,
    fabric_status=0,
    fabric_cluster=CLUSTER.replace("-", ""),
    fabric_clique=7,
    profiles=(
        StandinProfile(
            enum=2, id=9, slices=3, max=2, memory_mib=40448, sm=60, copy=3, decoder=3, jpeg=3, ofa=0
        ),
        StandinProfile(
            enum=4, id=0, slices=7, max=1, memory_mib=81152, sm=132, copy=8, decoder=7, jpeg=7, ofa=1
        ),
    ),
    migs=(
        StandinMig(
            index=2,
            uuid="MIG-0",
            gi=1,
            ci=0,
            gi_profile=9,
            ci_enum=0,
            start=4,
            size=4,
            gi_slices=3,
            ci_slices=1,
            memory_mib=40448,
            sm=16,
            copy=3,
            decoder=3,
            encoder=0,
            jpeg=3,
            ofa=0,
        ),
    ),
)
H100 = Gpu(
    index=0,
    uuid="GPU-0",
    name="NVIDIA H100 80GB HBM3",
    brand="NVIDIA",
    architecture="Hopper",
    compute_capability=(9, 0),
    memory_bytes=H100_BYTES,
    pci_address="0000:1b:00.0",
    pci_device_id=0x233010DE,
    pci_class=0x0302,
    pcie_generation=5,
    pcie_width=16,
    numa_node=1,
    is_mig_capable=True,
    is_mig_enabled=True,
    fabric=Fabric(state=3, status=0, cluster_uuid=CLUSTER, clique_id=7),
    multiprocessors=132,
    engines=ALL_ENGINES,
    profiles=(
        MigProfile(
            name="3g.40gb",
            enum=2,
            id=9,
            slices=3,
            max_instances=2,
            memory_mib=40448,
            multiprocessors=60,
            engines=THREE_ENGINES,
        ),
        MigProfile(
            name="7g.80gb",
            enum=4,
            id=0,
            slices=7,
            max_instances=1,
            memory_mib=81152,
            multiprocessors=132,
            engines=ALL_ENGINES,
        ),
    ),
    mig_devices=(
        MigDevice(
            index=2,
            uuid="MIG-0",
            gi_id=1,
            ci_id=0,
            placement=Placement(start=4, size=4),
            profile="1c.3g.40gb",
            gi_slices=3,
            ci_slices=1,
            memory_mib=40448,
            multiprocessors=16,
            engines=THREE_ENGINES,
        ),
    ),
)
PAIR_PLAYED = Standin(
    gpus=(
        H100_PLAYED,
        replace(
            H100_PLAYED,
            uuid="GPU-1",
            pci="00000000:43:00.0",
            migs=(replace(H100_PLAYED.migs[0], uuid="MIG-1"),),
        ),
    )
)
NO_VGPU = Vgpu(is_present=False)
NODE = Inventory(driver_version="580.159.04", cuda_version=13000, vgpu=NO_VGPU)
PAIR = (
    H100,
    H100._replace(
        index=1,
        uuid="GPU-1",
        pci_address="0000:43:00.0",
        mig_devices=tuple(device._replace(uuid="MIG-1") for device in H100.mig_devices or ()),
    ),
)


# ---- What a failing function leaves ----


def on_mig(gpu: Gpu, **changes: object) -> Gpu:
    (device,) = gpu.mig_devices or ()
    return gpu._replace(mig_devices=(device._replace(**changes),))  # type: ignore[arg-type]


def failed(gpu: Gpu, fault: Callable[[str], Failure], code: int) -> FailedGpu:
    failure = fault("gpu")
    # Without a handle NVML tells nothing of the GPU; its address is the one left on the PCI bus.
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


def mig_mode(gpu: Gpu, fault: Callable[[str], Failure], code: int) -> Gpu | FailedGpu:
    return without_mig(gpu) if code in UNKNOWN_QUESTION else failed(gpu, fault, code)


def required(gpu: Gpu, fault: Callable[[str], Failure], code: int, *, fact: str, also: str = "") -> Gpu:
    return gpu._replace(failures=(fault(fact),), **dict.fromkeys((fact, *also.split())))  # type: ignore[arg-type]


def optional(gpu: Gpu, fault: Callable[[str], Failure], code: int, *, fact: str, also: str = "") -> Gpu:
    """A question that the GPU or the driver does not know is no failure."""
    changed = required(gpu, fault, code, fact=fact, also=also)
    return changed._replace(failures=()) if code in UNKNOWN_QUESTION else changed


def unnamed(gpu: Gpu, reason: str) -> Gpu:
    """The MIG device's profile cannot be told, though nothing about the device failed."""
    why = Failure(
        fact="profile", source="nvmlGpuInstanceGetInfo", device=f"GPU {gpu.index} MIG 2", reason=reason
    )
    return on_mig(gpu, profile=None, failures=(why,))


def memory(gpu: Gpu, fault: Callable[[str], Failure], code: int) -> Gpu:
    changed = optional(gpu, fault, code, fact="memory_bytes")
    changed = changed._replace(multiprocessors=None, engines=None, profiles=())
    reason = "the memory of the GPU, which the profile's name depends on, could not be read"
    return unnamed(changed, reason)


def profiles(gpu: Gpu, fault: Callable[[str], Failure], code: int) -> Gpu:
    """The GPU next to it, of the same model, is asked for itself."""
    failures = () if code in (NOT_SUPPORTED, INVALID_ARGUMENT) else (fault("profiles"),)
    changed = gpu._replace(profiles=(), multiprocessors=None, engines=None, failures=failures)
    return unnamed(changed, "no profile has GPU-instance id 9 and compute-instance id 0")


def mig_facts(gpu: Gpu, fault: Callable[[str], Failure], code: int, *, facts: str, also: str = "") -> Gpu:
    """Without any of ``facts``, which have a failure each."""
    failures = tuple(fault(fact) for fact in facts.split())
    lost = [fact for fact in (*facts.split(), *also.split()) if fact != "attributes"]
    return on_mig(gpu, **dict.fromkeys(lost), failures=failures)


attributes = partial(
    mig_facts, facts="attributes profile", also="gi_slices ci_slices memory_mib multiprocessors engines"
)


def mig_handle(gpu: Gpu, fault: Callable[[str], Failure], code: int) -> Gpu:
    if code in GONE:
        return gpu._replace(mig_devices=())
    return required(gpu, fault, code, fact="mig_devices")


def ci_profiles(gpu: Gpu, fault: Callable[[str], Failure], code: int) -> Gpu:
    if code == NOT_SUPPORTED:
        return unnamed(gpu, "no profile has GPU-instance id 9 and compute-instance id 0")
    return mig_facts(gpu, fault, code, facts="profile")


GPU_FUNCTIONS: dict[str, Change] = {
    "nvmlDeviceGetHandleByIndex": failed,
    "nvmlDeviceGetName": failed,
    "nvmlDeviceGetMigMode": mig_mode,
    "nvmlDeviceGetCudaComputeCapability": failed,
    "nvmlDeviceGetUUID": partial(required, fact="uuid"),
    "nvmlDeviceGetBrand": partial(optional, fact="brand"),
    "nvmlDeviceGetArchitecture": partial(optional, fact="architecture"),
    "nvmlDeviceGetMemoryInfo": memory,
    "nvmlDeviceGetPciInfo": partial(optional, fact="pci_address", also="pci_device_id pci_class numa_node"),
    "nvmlDeviceGetMaxPcieLinkGeneration": partial(optional, fact="pcie_generation"),
    "nvmlDeviceGetMaxPcieLinkWidth": partial(optional, fact="pcie_width"),
    "nvmlDeviceGetGpuFabricInfo": partial(optional, fact="fabric"),
    "nvmlDeviceGetGpuInstanceProfileInfo": profiles,
    "nvmlDeviceGetMaxMigDeviceCount": partial(required, fact="mig_devices"),
}
"""NVML function -> what is left of a GPU on which it fails."""

MIG_FUNCTIONS: dict[str, Change] = {
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
"""The same for functions about a MIG device."""

NEVER_AGAIN = ("nvmlDeviceGetMigDeviceHandleByIndex", "nvmlDeviceGetUUID")
"""Of those, the ones whose failure is never taken for a MIG device that went away."""

SYSTEM_FUNCTIONS = {
    "nvmlSystemGetDriverVersion": "driver_version",
    "nvmlSystemGetCudaDriverVersion": "cuda_version",
}

ASKED_ONCE = ("nvmlDeviceGetGpuInstanceProfileInfo", "nvmlGpuInstanceGetComputeInstanceProfileInfo")
"""What the first GPU of a model tells is not asked of the second."""

ASKED_AS = {"nvmlDeviceGetAttributes": "nvmlDeviceGetAttributes_v2"}
"""As failures name it, where that is not the name without its version."""


def place(gpu: Gpu) -> tuple[bool, str]:
    return gpu.pci_address is None, gpu.pci_address or ""


def node_with(index: int, left: Gpu | FailedGpu) -> Inventory:
    """The node of the pair, with what is ``left`` of one of them."""
    rest = tuple(gpu for gpu in PAIR if gpu.index != index)
    if isinstance(left, FailedGpu):
        return NODE._replace(gpus=rest, failed_gpus=(left,))
    return NODE._replace(gpus=tuple(sorted((*rest, left), key=place)))


def fault_cases() -> dict[str, Case]:
    cases = {}
    for functions, mig, about in ((GPU_FUNCTIONS, -1, ""), (MIG_FUNCTIONS, 2, " MIG 2")):
        for function, change in functions.items():
            for code, text in TEXTS.items():
                for index, gpu in enumerate(PAIR):
                    source = ASKED_AS.get(function, function)
                    device = f"GPU {index}{about}"

                    def fault(
                        fact: str,
                        source: str = source,
                        device: str = device,
                        text: str = text,
                        code: int = code,
                    ) -> Failure:
                        return Failure(fact=fact, source=source, device=device, reason=text, code=code)

                    is_asked = index == 0 or function not in ASKED_ONCE
                    # This one is about the GPU, and asked for the sake of a MIG device.
                    target = -1 if function == "nvmlDeviceGetGpuInstanceById" else mig
                    asks_mig = mig >= 0 or function == "nvmlDeviceGetMaxMigDeviceCount"
                    is_unsettled = asks_mig and is_asked and code in GONE and function not in NEVER_AGAIN
                    broken = Fault(function=function, gpu=index, mig=target, error=code)
                    cases[f"{function} {device} {code}"] = Case(
                        machine=replace(PAIR_PLAYED, faults=(broken,)),
                        expected=node_with(index, change(gpu, fault, code) if is_asked else gpu),
                        pci=PAIR,
                        pauses=PAUSES_S if is_unsettled else (),
                    )
    return cases


def change_cases() -> dict[str, Case]:
    """A MIG device goes away between two calls; what is there in the end is what is read."""
    emptied = replace(H100_PLAYED, migs=())
    empty = NODE._replace(gpus=(H100._replace(mig_devices=()),))
    cases = {}
    for function in [each for each in MIG_FUNCTIONS if each not in NEVER_AGAIN]:
        for code in GONE:
            broken = Standin(gpus=(H100_PLAYED,), faults=(Fault(function=function, error=code),))
            cases[f"{function} {code} and a device that went"] = Case(
                machine=broken, later=(Standin(gpus=(emptied,)),), expected=empty, pauses=PAUSES_S[:1]
            )
            cases[f"{function} {code} and a change that takes its time"] = Case(
                machine=broken,
                later=(broken, broken, Standin(gpus=(H100_PLAYED,))),
                expected=NODE._replace(gpus=(H100,)),
                pauses=PAUSES_S,
            )
    broken = Standin(
        gpus=(H100_PLAYED,), faults=(Fault(function="nvmlDeviceGetGpuInstanceById", error=NOT_FOUND),)
    )
    off = replace(H100_PLAYED, mig=False, migs=())
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


def system_cases() -> dict[str, Case]:
    cases = {}
    for code, text in TEXTS.items():
        for function, fact in SYSTEM_FUNCTIONS.items():
            why = Failure(fact=fact, source=function, device="", reason=text, code=code)
            lacking = NODE._replace(gpus=PAIR, failures=(why,), **{fact: None})  # type: ignore[arg-type]
            broken = Fault(function=function, error=code)
            cases[f"{function} {code}"] = Case(
                machine=replace(PAIR_PLAYED, faults=(broken,)), expected=lacking
            )
        broken = Fault(function="nvmlDeviceGetCount", error=code)
        cases[f"nvmlDeviceGetCount {code}"] = Case(
            machine=replace(PAIR_PLAYED, faults=(broken,)),
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
        machine=replace(PAIR_PLAYED, faults=(Fault(function="nvmlInit", error=code),)),
        expected=f"DriverUnavailable: nvmlInit failed: {text}",
    )
    for code, text in INIT_TEXTS.items()
}


# ---- Whole machines ----

T4_PLAYED = StandinGpu(
    name="Tesla T4",
    uuid="GPU-4",
    brand=2,
    architecture=6,
    cc_major=7,
    cc_minor=5,
    memory=16_106_127_360,
    pci="00000000:00:1E.0",
    pci_device_id=0x1EB810DE,
    pcie_generation=3,
    pcie_width=8,
)
T4 = Gpu(
    index=0,
    uuid="GPU-4",
    name="Tesla T4",
    brand="Tesla",
    architecture="Turing",
    compute_capability=(7, 5),
    memory_bytes=16_106_127_360,
    pci_address="0000:00:1e.0",
    pci_device_id=0x1EB810DE,
    pci_class=0x0302,
    pcie_generation=3,
    pcie_width=8,
)

NOTHING_KNOWN = Gpu(
    index=0,
    name="X",
    compute_capability=(0, 0),
    failures=(
        Failure(fact="uuid", source="nvmlDeviceGetUUID", device="GPU 0", reason="Not Supported", code=3),
    ),
)

A100_PLAYED = StandinGpu(
    name="A100-PCIE-40GB",
    uuid="GPU-5",
    cc_major=8,
    cc_minor=0,
    memory=42_505_273_344,
    pci="00000000:3B:00.0",
    mig=True,
    max_mig=7,
    ci_offset=20,
    profiles=(
        StandinProfile(enum=0, id=19, slices=1, max=7, memory_mib=4864, sm=14, copy=1),
        StandinProfile(enum=2, id=9, slices=3, max=2, memory_mib=19968, sm=42, copy=3, decoder=2),
        StandinProfile(
            enum=7, id=20, slices=1, max=1, memory_mib=4864, sm=14, copy=1, decoder=1, jpeg=1, ofa=1
        ),
    ),
)
ONE_COPY = Engines(copy=1, decoder=0, encoder=0, jpeg=0, ofa=0)
MEDIA = Engines(copy=1, decoder=1, encoder=0, jpeg=1, ofa=1)
THREE_COPY = Engines(copy=3, decoder=2, encoder=0, jpeg=0, ofa=0)
A100 = Gpu(
    index=0,
    uuid="GPU-5",
    name="A100-PCIE-40GB",
    compute_capability=(8, 0),
    memory_bytes=42_505_273_344,
    pci_address="0000:3b:00.0",
    pci_device_id=0,
    pci_class=0x0302,
    is_mig_capable=True,
    is_mig_enabled=True,
    profiles=(
        MigProfile(
            name="1g.5gb",
            enum=0,
            id=19,
            slices=1,
            max_instances=7,
            memory_mib=4864,
            multiprocessors=14,
            engines=ONE_COPY,
        ),
        MigProfile(
            name="3g.20gb",
            enum=2,
            id=9,
            slices=3,
            max_instances=2,
            memory_mib=19968,
            multiprocessors=42,
            engines=THREE_COPY,
        ),
        MigProfile(
            name="1g.5gb+me",
            enum=7,
            id=20,
            slices=1,
            max_instances=1,
            memory_mib=4864,
            multiprocessors=14,
            engines=MEDIA,
        ),
    ),
)


def one_slice_played(index: int, *, has_media: bool = False) -> StandinMig:
    return StandinMig(
        index=index,
        uuid=f"MIG-{index}",
        gi=index + 7,
        ci=0,
        gi_profile=20 if has_media else 19,
        ci_enum=0,
        start=index,
        size=1,
        gi_slices=1,
        ci_slices=1,
        memory_mib=4864,
        sm=14,
        copy=1,
        decoder=int(has_media),
        jpeg=int(has_media),
        ofa=int(has_media),
    )


def one_slice(index: int, *, has_media: bool = False) -> MigDevice:
    return MigDevice(
        index=index,
        uuid=f"MIG-{index}",
        gi_id=index + 7,
        ci_id=0,
        placement=Placement(start=index, size=1),
        profile="1g.5gb.me" if has_media else "1g.5gb",
        gi_slices=1,
        ci_slices=1,
        memory_mib=4864,
        multiprocessors=14,
        engines=MEDIA if has_media else ONE_COPY,
    )


def part_of_three_played(index: int, gi: int, ci: int, ci_enum: int, slices: int) -> StandinMig:
    return StandinMig(
        index=index,
        gi=gi,
        ci=ci,
        uuid=f"MIG-{gi}-{ci}",
        gi_profile=9,
        ci_enum=ci_enum,
        start=4 * gi - 4,
        size=4,
        gi_slices=3,
        ci_slices=slices,
        memory_mib=19968,
        sm=14 * slices,
        copy=3,
        decoder=2,
    )


def part_of_three(index: int, gi: int, ci: int, profile: str, slices: int) -> MigDevice:
    return MigDevice(
        index=index,
        uuid=f"MIG-{gi}-{ci}",
        gi_id=gi,
        ci_id=ci,
        placement=Placement(start=4 * gi - 4, size=4),
        profile=profile,
        gi_slices=3,
        ci_slices=slices,
        memory_mib=19968,
        multiprocessors=14 * slices,
        engines=THREE_COPY,
    )


def a100(*devices: tuple[StandinMig, MigDevice]) -> Case:
    played = replace(A100_PLAYED, migs=tuple(mig for mig, _ in devices))
    expected = A100._replace(mig_devices=tuple(device for _, device in devices))
    return Case(machine=Standin(gpus=(played,)), expected=NODE._replace(gpus=(expected,)))


def nameless() -> Case:
    """A GPU-instance profile that has no name yet (enum 17) and a GPU instance of a profile nobody offers."""
    first, second = one_slice_played(0), one_slice_played(1)
    played = replace(
        A100_PLAYED,
        profiles=(*A100_PLAYED.profiles, StandinProfile(enum=17, id=47, slices=1, memory_mib=4864)),
        migs=(replace(first, gi_profile=47), replace(second, gi_profile=99)),
    )
    reasons = (
        "GPU-instance profile 17 has no name yet",
        "no profile has GPU-instance id 99 and compute-instance id 20",
    )
    devices = tuple(
        one_slice(index)._replace(
            profile=None,
            failures=(
                Failure(
                    fact="profile",
                    source="nvmlGpuInstanceGetInfo",
                    device=f"GPU 0 MIG {index}",
                    reason=reason,
                ),
            ),
        )
        for index, reason in enumerate(reasons)
    )
    expected = NODE._replace(gpus=(A100._replace(mig_devices=devices),))
    return Case(machine=Standin(gpus=(played,)), expected=expected)


def several(*gpus: tuple[StandinGpu, Gpu | None]) -> Case:
    """Boards in NVML's order; None for one that is passed over."""
    found = [gpu._replace(index=index) for index, (_, gpu) in enumerate(gpus) if gpu is not None]
    found.sort(key=lambda gpu: (len(gpu.pci_address or ""), gpu.pci_address or ""))
    return Case(
        machine=Standin(gpus=tuple(board for board, _ in gpus)), expected=NODE._replace(gpus=tuple(found))
    )


def t4_at(bus_id: str, address: str) -> tuple[StandinGpu, Gpu]:
    return replace(T4_PLAYED, pci=bus_id), T4._replace(pci_address=address)


def hole(code: int) -> Case:
    """A MIG index that NVML refuses is passed over, and those after it are found."""
    first, second = one_slice_played(0), one_slice_played(5)
    case = a100((second, one_slice(5)))
    played = replace(A100_PLAYED, migs=(first, second))
    broken = Fault(function="nvmlDeviceGetMigDeviceHandleByIndex", gpu=0, mig=0, error=code)
    return replace(case, machine=Standin(gpus=(played,), faults=(broken,)))


MACHINES = {
    "no GPU": Case(machine=Standin(), expected=NODE),
    "a plain GPU": several((T4_PLAYED, T4)),
    "numbers below zero": Case(
        machine=Standin(gpus=(replace(T4_PLAYED, cc_major=-1, cc_minor=-2),), cuda=-12040),
        expected=NODE._replace(cuda_version=-12040, gpus=(T4._replace(compute_capability=(-1, -2)),)),
    ),
    "nothing but a name": several((StandinGpu(name="X", cc_major=0, cc_minor=0), NOTHING_KNOWN)),
    "two H100": Case(machine=PAIR_PLAYED, expected=NODE._replace(gpus=PAIR)),
    "MIG indices with holes": a100(*((one_slice_played(index), one_slice(index)) for index in (1, 4, 6))),
    "a MIG index that is an invalid argument": hole(2),
    "a MIG index that is not found": hole(6),
    "smaller compute instances": a100(
        (part_of_three_played(0, 1, 0, 2, 3), part_of_three(0, 1, 0, "3g.20gb", 3)),
        (part_of_three_played(1, 2, 0, 0, 1), part_of_three(1, 2, 0, "1c.3g.20gb", 1)),
        (part_of_three_played(2, 2, 1, 1, 2), part_of_three(2, 2, 1, "2c.3g.20gb", 2)),
    ),
    "media extensions": a100(
        (one_slice_played(0), one_slice(0)),
        (one_slice_played(1, has_media=True), one_slice(1, has_media=True)),
    ),
    "MIG-enabled and empty": a100(),
    "MIG-capable and not enabled": several(
        (replace(A100_PLAYED, mig=False), A100._replace(is_mig_enabled=False))
    ),
    "profiles without a name": nameless(),
    "DGX displays": several(
        (replace(T4_PLAYED, name="NVIDIA DGX Display"), None),
        (T4_PLAYED, T4),
        (replace(T4_PLAYED, name="DGX Display"), None),
        (
            replace(T4_PLAYED, name="DGX Display 2", pci="00000000:00:1F.0"),
            T4._replace(name="DGX Display 2", pci_address="0000:00:1f.0"),
        ),
    ),
    "the order of PCI addresses": several(
        t4_at("00010000:01:00.0", "10000:01:00.0"),
        t4_at("00000000:C1:00.0", "0000:c1:00.0"),
        t4_at("0000ABCD:02:00.0", "abcd:02:00.0"),
        t4_at("00000000:0A:00.0", "0000:0a:00.0"),
    ),
    "a name that is no UTF-8": several(
        (
            replace(T4_PLAYED, name=b"T4 \xff\xfe\x80 \xc3\xa9", uuid=b"GPU-\xff"),
            T4._replace(name="T4 \ufffd\ufffd\ufffd \xe9", uuid="GPU-\ufffd"),
        )
    ),
    "a board without a name": Case(
        machine=Standin(gpus=(replace(T4_PLAYED, name=None), T4_PLAYED)),
        expected=NODE._replace(
            gpus=(T4._replace(index=1),),
            failed_gpus=(
                FailedGpu(
                    index=0,
                    failure=Failure(
                        fact="gpu", source="nvmlDeviceGetName", device="GPU 0", reason="Not Supported", code=3
                    ),
                    pci_address="0000:00:1e.0",
                    uuid=T4.uuid,
                ),
            ),
        ),
    ),
    "a fabric that is not ready": several(
        (
            replace(H100_PLAYED, fabric_state=2, fabric_status=999, fabric_cluster=None, fabric_clique=None),
            H100._replace(
                fabric=Fabric(
                    state=2, status=999, cluster_uuid="00000000-0000-0000-0000-000000000000", clique_id=0
                ),
            ),
        )
    ),
}


def simulated_cases() -> dict[str, Case]:
    """Every built-in machine, played by the stand-in: a simulation tells what a read would."""
    cases = {}
    for name in machines.names():
        layouts = ["all-disabled"]
        if any(gpu.profiles for gpu in machines.read(name).gpus):
            layouts += ["all-balanced", "all-enabled"]
        for layout in layouts:
            simulated = machines.read(name, layout)
            cases[f"{name} {layout}"] = Case(
                machine=standin.from_inventory(simulated), expected=simulated._replace(machine_type=None)
            )
    return cases


CASES = MACHINES | simulated_cases() | fault_cases() | change_cases() | system_cases() | INIT_CASES


# ---- Tests ----


def show(found: Inventory | str) -> str:
    """Return what pytest can show the difference of."""
    return found if isinstance(found, str) else snapshot.to_json(found)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    folder = tmp_path_factory.mktemp("node")
    return read_all(folder / "cases", CASES, library=standin.build(folder / "library"))


@pytest.mark.parametrize("name", CASES)
def test_what_is_read(name: str, answers: dict[str, Answer]) -> None:
    assert show(answers[name].found) == show(CASES[name].expected)
    assert answers[name].pauses == CASES[name].pauses


def test_nvml_never_stays_open(answers: dict[str, Answer]) -> None:
    for name, answer in answers.items():
        opened = answer.calls.count("nvmlInitWithFlags")
        closed = answer.calls.count("nvmlShutdown")
        times = 1 + len(answer.pauses)
        is_refused = isinstance(answer.found, str) and "nvmlInit" in answer.found
        assert (name, opened, closed) == (name, times, times - is_refused)
        assert answer.calls[-1] == ("nvmlInitWithFlags" if is_refused else "nvmlShutdown")


def test_every_function_in_use_is_tried_failing(answers: dict[str, Answer]) -> None:
    used = {call for answer in answers.values() for call in answer.calls}
    tried = {*GPU_FUNCTIONS, *MIG_FUNCTIONS, *SYSTEM_FUNCTIONS, "nvmlDeviceGetCount", "nvmlInit"}
    versions = ("_v2", "_v3", "V", "WithFlags")
    plain = {next((c.removesuffix(v) for v in versions if c.endswith(v)), c) for c in used}
    assert plain == tried | {"nvmlShutdown"}


def test_a_failing_shutdown_takes_nothing_away(tmp_path: Path) -> None:
    broken = Fault(function="nvmlShutdown", error=999)
    answer = read_one(tmp_path, Case(machine=Standin(faults=(broken,)), expected=NODE))
    assert answer.found == NODE
    assert answer.calls[-1] == "nvmlShutdown"


def test_what_fails_first_is_told(tmp_path: Path) -> None:
    broken = (Fault(function="nvmlDeviceGetCount", error=15), Fault(function="nvmlShutdown", error=999))
    answer = read_one(tmp_path, Case(machine=Standin(faults=broken), expected=""))
    assert answer.found == "NvmlCallFailed: nvmlDeviceGetCount failed: GPU is lost (NVML error 15)"
    assert answer.calls[-1] == "nvmlShutdown"


FIRST_FABRIC, SECOND_FABRIC = "nvmlDeviceGetGpuFabricInfo", "nvmlDeviceGetGpuFabricInfoV"


def lost_function(fact: str, function: str) -> Failure:
    return Failure(fact=fact, source=function, device="GPU 0", reason="Function Not Found", code=13)


def lost_attributes(gpu: Gpu) -> Gpu:
    def fault(fact: str) -> Failure:
        return Failure(
            fact=fact,
            source="nvmlDeviceGetAttributes_v2",
            device="GPU 0 MIG 2",
            reason="Function Not Found",
            code=13,
        )

    return attributes(gpu, fault, 13)


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (("nvmlDeviceGetMigMode",), without_mig(H100)),
        ((FIRST_FABRIC, SECOND_FABRIC), H100._replace(fabric=None)),
        ((SECOND_FABRIC,), H100),
        ((FIRST_FABRIC,), H100),
        (
            (
                "nvmlDeviceGetArchitecture",
                "nvmlDeviceGetBrand",
                "nvmlDeviceGetMaxPcieLinkGeneration",
                "nvmlDeviceGetMaxPcieLinkWidth",
            ),
            H100._replace(architecture=None, brand=None, pcie_generation=None, pcie_width=None),
        ),
        (
            ("nvmlDeviceGetUUID",),
            on_mig(
                H100,
                uuid=None,
                failures=(lost_function("uuid", "nvmlDeviceGetUUID")._replace(device="GPU 0 MIG 2"),),
            )._replace(
                uuid=None,
                failures=(lost_function("uuid", "nvmlDeviceGetUUID"),),
            ),
        ),
        (("nvmlDeviceGetAttributes_v2",), lost_attributes(H100)),
    ],
    ids=lambda value: "+".join(value) if type(value) is tuple else "",
)
def test_a_driver_that_lacks(tmp_path: Path, without: tuple[str, ...], expected: Gpu) -> None:
    case = Case(machine=Standin(gpus=(H100_PLAYED,)), expected=NODE._replace(gpus=(expected,)))
    assert read_one(tmp_path, case, without=without).found == case.expected


def test_what_the_kernel_does_not_tell(tmp_path: Path) -> None:
    """sysfs without the GPU, and no DMI."""
    case = Case(machine=Standin(gpus=(T4_PLAYED,)), expected="", pci=())
    library = standin.build(tmp_path / "library")
    name = str(tmp_path / "product_name")
    found = read_all(tmp_path / "cases", {"one": case}, library=library, machine_type_file=name)["one"].found
    folder = tmp_path / "cases/0/root/sys/bus/pci/devices/0000:00:1e.0"
    missing = "No such file or directory"
    no_class = Failure(fact="pci_class", source=str(folder), device="0000:00:1e.0", reason=missing)
    no_machine = Failure(fact="machine_type", source=name, device="", reason=missing)
    assert found == NODE._replace(
        gpus=(T4._replace(pci_class=None, failures=(no_class,)),), failures=(no_machine,)
    )


def test_the_machine_and_the_numa_node(tmp_path: Path) -> None:
    (tmp_path / "product_name").write_bytes(b" DGX\xff H100 \n")
    gpu = T4._replace(numa_node=3, pci_class=0x0300)
    case = Case(
        machine=Standin(gpus=(T4_PLAYED,)), expected=NODE._replace(gpus=(gpu,), machine_type="DGX\ufffd H100")
    )
    library = standin.build(tmp_path / "library")
    name = str(tmp_path / "product_name")
    answers = read_all(tmp_path / "cases", {"one": case}, library=library, machine_type_file=name)
    assert answers["one"].found == case.expected


@pytest.mark.parametrize("folder", ["usr/lib64", "usr/lib/x86_64-linux-gnu"])
def test_the_library_under_the_driver_root(tmp_path: Path, folder: str) -> None:
    """The loader's path does not hold it: pynvml takes the one that is loaded already."""
    standin.build(tmp_path / "driver" / folder)
    case = MACHINES["a plain GPU"]
    answers = read_all(tmp_path / "cases", {"one": case}, library=None, driver_root=tmp_path / "driver")
    assert answers["one"].found == case.expected


def test_a_driver_root_without_the_library(tmp_path: Path) -> None:
    library = standin.build(tmp_path / "library")
    case = MACHINES["a plain GPU"]
    answers = read_all(tmp_path / "cases", {"one": case}, library=library, driver_root=tmp_path)
    assert answers["one"].found == case.expected


NEXT_STEP = (
    "; install the NVIDIA driver; in a container use the NVIDIA runtime, or mount the driver and pass its "
    "folder with --driver-root-ctr-path"
)
NOT_LOADED = "DriverUnavailable: libnvidia-ml.so.1 could not be loaded from the loader's path"


@pytest.mark.parametrize("has_root", [False, True])
def test_no_library(tmp_path: Path, has_root: bool) -> None:
    if ctypes.util.find_library("nvidia-ml") is not None:
        pytest.skip("this machine has a driver")
    root = tmp_path / "driver" if has_root else None
    case = Case(machine=Standin(), expected="")
    answer = read_all(tmp_path / "cases", {"one": case}, library=tmp_path, driver_root=root)["one"]
    place = f" or under {root}" if has_root else ""
    reason = "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"
    assert answer == Answer(found=f"{NOT_LOADED}{place}: {reason}{NEXT_STEP}", calls=(), pauses=())


@pytest.mark.parametrize(("size", "reason"), [(0, "file too short"), (64, "cannot read file data")])
def test_a_library_that_is_cut_off(tmp_path: Path, size: int, reason: str) -> None:
    library = standin.build(tmp_path / "driver/usr/lib64") / standin.LIBRARY
    os.truncate(library, size)
    case = Case(machine=Standin(), expected="")
    root = tmp_path / "driver"
    answer = read_all(tmp_path / "cases", {"one": case}, library=None, driver_root=root)["one"]
    found = f"{NOT_LOADED} or under {root}: {library}: {reason}{NEXT_STEP}"
    assert answer == Answer(found=found, calls=(), pauses=())


def test_a_library_without_nvml(tmp_path: Path) -> None:
    case = Case(machine=Standin(), expected="")
    answer = read_one(tmp_path, case, without=("nvmlInit", "nvmlInit_v2", "nvmlInitWithFlags"))
    assert isinstance(answer.found, str)
    assert answer.found.startswith("DriverUnavailable: nvmlInit failed: Function Not Found (NVML error 13); ")
    assert answer.calls == ()
