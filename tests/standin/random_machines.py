"""Random machines, each with a configuration; the same seed gives the same machine.

Some have what real nodes have now and then: odd names, gaps in MIG indices, functions that fail or are
missing, unreadable machine type files.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from gfd.inventory.profiles import CI_PROFILES, format_gi_profile, format_mig_profile
from tests.standin.machine import Fault, Standin, StandinGpu, StandinMig, StandinProfile
from tests.standin.models import (
    BAD_DRIVERS,
    DISPLAY_BOARDS,
    DRIVERS,
    MACHINE_TYPES,
    MIG_MODELS,
    ODD_NAMES,
    PLAIN_MODELS,
    Model,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A machine, and the options to label it with."""

    seed: int
    standin: Standin
    strategy: str
    config: str
    """The device plugin's configuration file."""
    machine_type: bytes | None
    """The content of the machine type file; None for no file."""


ERRORS = (2, 3, 4, 6, 9, 15, 17, 999)

SYSTEM_FUNCTIONS = (
    "nvmlInit",
    "nvmlSystemGetDriverVersion",
    "nvmlSystemGetCudaDriverVersion",
    "nvmlDeviceGetCount",
)
GPU_FUNCTIONS = (
    "nvmlDeviceGetHandleByIndex",
    "nvmlDeviceGetName",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetBrand",
    "nvmlDeviceGetArchitecture",
    "nvmlDeviceGetCudaComputeCapability",
    "nvmlDeviceGetMemoryInfo",
    "nvmlDeviceGetPciInfo",
    "nvmlDeviceGetMigMode",
    "nvmlDeviceGetMaxMigDeviceCount",
    "nvmlDeviceGetGpuFabricInfo",
    "nvmlDeviceGetGpuInstanceProfileInfo",
    "nvmlDeviceGetMaxPcieLinkGeneration",
    "nvmlDeviceGetMaxPcieLinkWidth",
)
MIG_FUNCTIONS = (
    "nvmlDeviceGetMigDeviceHandleByIndex",
    "nvmlDeviceIsMigDeviceHandle",
    "nvmlDeviceGetUUID",
    "nvmlDeviceGetGpuInstanceId",
    "nvmlDeviceGetComputeInstanceId",
    "nvmlDeviceGetDeviceHandleFromMigDeviceHandle",
    "nvmlDeviceGetAttributes",
    "nvmlDeviceGetGpuInstanceById",
    "nvmlGpuInstanceGetInfo",
    "nvmlGpuInstanceGetComputeInstanceById",
    "nvmlGpuInstanceGetComputeInstanceProfileInfo",
    "nvmlComputeInstanceGetInfo",
)
OPTIONAL_FUNCTIONS = ("nvmlDeviceGetMigMode", "nvmlDeviceGetGpuFabricInfo", "nvmlDeviceGetGpuFabricInfoV")
"""The functions that older drivers lack; clients check for them before they call them."""


def random_case(seed: int, *, with_mixed_models: bool = False) -> Case:
    """Return the case for ``seed``. All GPUs are of one model unless ``with_mixed_models``."""
    rng = random.Random(seed)
    models = _models(rng, with_mixed_models)
    gpus = _gpus(rng, models)
    standin = Standin(
        driver=rng.choice(BAD_DRIVERS if _seldom(rng, 0.06) else DRIVERS),
        cuda=rng.choice((13000, 12040, 12090, 11080, 13010, 9020)),
        gpus=gpus,
        faults=_faults(rng, gpus),
        missing=_missing(rng),
    )
    return Case(
        seed=seed,
        standin=standin,
        strategy=rng.choice(("none", "single", "mixed")) if rng.random() < 0.97 else "nothing",
        config=_config(rng, standin),
        machine_type=rng.choice(MACHINE_TYPES) if _seldom(rng, 0.4) else MACHINE_TYPES[0],
    )


def _seldom(rng: random.Random, probability: float) -> bool:
    return rng.random() < probability


def _models(rng: random.Random, with_mixed_models: bool) -> list[tuple[Model, bytes]]:
    pool = MIG_MODELS if rng.random() < 0.75 else PLAIN_MODELS
    chosen = rng.sample((*MIG_MODELS, *PLAIN_MODELS), 2) if with_mixed_models else [rng.choice(pool)]
    return [(model, rng.choice(ODD_NAMES) if _seldom(rng, 0.2) else model.name.encode()) for model in chosen]


def _gpus(rng: random.Random, models: list[tuple[Model, bytes]]) -> tuple[StandinGpu, ...]:
    count = rng.choice((0, 1, 1, 2, 2, 3, 4, 8)) if len(models) == 1 else rng.randint(2, 6)
    states = rng.choice(
        (("off",), ("one",), ("one",), ("many",), ("many", "empty"), ("off", "one"), ("off", "many"))
    )
    # On many nodes all GPUs have the same layout; only that is valid for "single".
    pattern = rng.randrange(2**32)
    has_fabric = rng.random() < 0.4
    cluster = bytes(rng.randrange(256) for _ in range(16)).hex() if _seldom(rng, 0.9) else "0" * 32
    ci_offset = rng.choice((0, 0, 0, 1, 20))
    gpus = []
    for index in range(count):
        model, name = models[index % len(models)]
        gpu = _gpu(model, name, index, ci_offset)
        state = rng.choice(states)
        if model.profiles and state != "off":
            layout = random.Random(pattern) if state == "one" else rng
            gpu = replace(gpu, mig=True, migs=() if state == "empty" else _migs(layout, gpu, state == "one"))
        if has_fabric:
            gpu = _on_fabric(rng, gpu, cluster)
        gpus.append(gpu)
    if gpus and _seldom(rng, 0.1):
        board = replace(_gpu(PLAIN_MODELS[5], rng.choice(DISPLAY_BOARDS).encode(), len(gpus), 0), mig=None)
        gpus.insert(rng.randrange(len(gpus) + 1), board)
    return tuple(gpus)


def _gpu(model: Model, name: bytes, index: int, ci_offset: int) -> StandinGpu:
    profiles = tuple(
        StandinProfile(
            name=format_gi_profile(row[0], row[9], model.memory),
            enum=row[0],
            id=row[1],
            slices=row[2],
            max=row[3],
            sm=row[4],
            copy=row[5],
            decoder=row[6],
            jpeg=row[7],
            ofa=row[8],
            memory_mib=row[9],
        )
        for row in model.profiles
    )
    return StandinGpu(
        name=name,
        uuid=f"GPU-00000000-0000-4000-8000-{index:012x}",
        brand=14,
        architecture=9,
        cc_major=model.cc[0],
        cc_minor=model.cc[1],
        memory=model.memory,
        # A PCI domain that the machine of the tests does not have, so that no real device is found there.
        pci=f"0000F00D:{0x10 + index:02X}:00.0",
        pci_device_id=0x233010DE,
        minor=index,
        pcie_generation=5,
        pcie_width=16,
        mig=False if profiles else None,
        max_mig=max((profile.max for profile in profiles), default=None),
        ci_offset=ci_offset,
        profiles=profiles,
    )


def _migs(rng: random.Random, gpu: StandinGpu, of_one_profile: bool) -> tuple[StandinMig, ...]:
    limit = gpu.max_mig or 0
    slices = max(profile.slices for profile in gpu.profiles)
    pool = [rng.choice(gpu.profiles)] if of_one_profile else list(gpu.profiles)
    cut = rng.choice(("whole", "whole", "small", "any"))
    devices: list[StandinMig] = []
    used: dict[int, int] = {}
    for gi in range(limit):
        fitting = [p for p in pool if p.slices <= slices and used.get(p.id, 0) < p.max]
        if not fitting or (devices and _seldom(rng, 0.2)):
            break
        profile = rng.choice(fitting)
        slices -= profile.slices
        used[profile.id] = used.get(profile.id, 0) + 1
        for ci, ci_enum in enumerate(_compute_instances(rng, profile.slices, cut)):
            devices.append(_mig(gpu, profile, gi + 1, ci, ci_enum))
    devices = devices[:limit]
    # A destroyed MIG device leaves a gap in the indices; the others keep their index.
    indices = sorted(rng.sample(range(limit), len(devices))) if _seldom(rng, 0.5) else range(len(devices))
    return tuple(replace(device, index=index) for device, index in zip(devices, indices, strict=True))


def _compute_instances(rng: random.Random, slices: int, cut: str) -> list[int]:
    enums = {count: enum for enum, count in CI_PROFILES.items() if enum < 7}
    smaller = [count for count in enums if 2 * count <= slices + 1 and count < slices]
    if cut == "whole" or not smaller or (cut == "any" and rng.random() < 0.5):
        return [enums[slices]]
    size = rng.choice(smaller)
    return [enums[size]] * rng.randint(1, slices // size)


def _mig(gpu: StandinGpu, profile: StandinProfile, gi: int, ci: int, ci_enum: int) -> StandinMig:
    return StandinMig(
        index=0,
        uuid=f"MIG-{gpu.minor:08x}-0000-4000-8000-{gi:06x}{ci:06x}",
        name=b"%b MIG" % (gpu.name or b"") if not isinstance(gpu.name, str) else gpu.name,
        gi=gi,
        ci=ci,
        gi_profile=profile.id,
        ci_enum=ci_enum,
        start=gi,
        size=profile.slices,
        gi_slices=profile.slices,
        ci_slices=CI_PROFILES[ci_enum],
        memory_mib=profile.memory_mib,
        sm=profile.sm * CI_PROFILES[ci_enum] // profile.slices,
        copy=profile.copy,
        decoder=profile.decoder,
        encoder=0,
        jpeg=profile.jpeg,
        ofa=profile.ofa,
    )


def _on_fabric(rng: random.Random, gpu: StandinGpu, cluster: str) -> StandinGpu:
    return replace(
        gpu,
        fabric_state=3 if rng.random() < 0.8 else rng.randrange(4),
        fabric_status=0 if rng.random() < 0.9 else 999,
        fabric_cluster=cluster if rng.random() < 0.95 else "ab" * 16,
        fabric_clique=7 if rng.random() < 0.9 else rng.choice((0, 2**32 - 1)),
    )


def _faults(rng: random.Random, gpus: tuple[StandinGpu, ...]) -> tuple[Fault, ...]:
    if rng.random() < 0.65:
        return ()
    error = rng.choice(ERRORS)
    kind = rng.random()
    if kind < 0.15 or not gpus:
        return (Fault(function=rng.choice(SYSTEM_FUNCTIONS), error=error),)
    gpu = rng.randrange(len(gpus)) if len(gpus) > 1 and rng.random() < 0.5 else None
    if kind < 0.6:
        return (Fault(function=rng.choice(GPU_FUNCTIONS), gpu=gpu, mig=-1, error=error),)
    with_migs = [index for index, candidate in enumerate(gpus) if candidate.migs]
    if gpu is None or not with_migs:
        return (Fault(function=rng.choice(MIG_FUNCTIONS), error=error),)
    gpu = rng.choice(with_migs)
    return (
        Fault(function=rng.choice(MIG_FUNCTIONS), gpu=gpu, mig=rng.choice(gpus[gpu].migs).index, error=error),
    )


def _missing(rng: random.Random) -> tuple[str, ...]:
    if rng.random() < 0.85:
        return ()
    # As in real drivers: one that lacks the first version of the fabric function also lacks the second.
    return rng.choice(
        (OPTIONAL_FUNCTIONS, OPTIONAL_FUNCTIONS[:1], OPTIONAL_FUNCTIONS[1:], OPTIONAL_FUNCTIONS[2:])
    )


def _config(rng: random.Random, standin: Standin) -> str:
    names = ["nvidia.com/gpu"]
    for gpu in standin.gpus:
        for mig in gpu.migs:
            enum = next(profile.enum for profile in gpu.profiles if profile.id == mig.gi_profile)
            profile = format_mig_profile(enum, mig.ci_enum or 0, mig.memory_mib or 0, gpu.memory or 1)
            names.append(f"nvidia.com/mig-{profile}")
    names = sorted(set(names))
    lines = ["version: v1"]
    kind = rng.choice(("none", "none", "timeSlicing", "timeSlicing", "mps", "both"))
    if kind != "none":
        lines.append("sharing:")
    if kind in ("timeSlicing", "both"):
        lines += _section(rng, "timeSlicing", names)
    if kind in ("mps", "both"):
        lines += _section(rng, "mps", names)
    return "\n".join(lines) + "\n"


def _section(rng: random.Random, section: str, names: list[str]) -> list[str]:
    lines = [f"  {section}:"]
    if _seldom(rng, 0.4):
        lines.append(f"    renameByDefault: {rng.choice(('true', 'false'))}")
    if _seldom(rng, 0.2):
        lines.append("    failRequestsGreaterThanOne: true")
    lines.append("    resources:")
    for name in rng.sample(names, rng.randint(1, len(names))):
        lines.append(f"    - name: {name if rng.random() < 0.9 else name.removeprefix('nvidia.com/')}")
        lines.append(f"      replicas: {rng.randint(2, 10) if rng.random() < 0.96 else 1}")
        if _seldom(rng, 0.15):
            lines.append(f"      rename: {name}-mine")
        if _seldom(rng, 0.1):
            lines.append("      devices: [0]")
    return lines
