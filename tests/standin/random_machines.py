"""Random machines and the configuration of one run on them, the same for the same seed.

The figures of the MIG profiles are those of NVIDIA's data-centre GPUs. Everything that nodes of the wild
bring along happens now and then: odd names, holes in MIG indices, functions that fail, drivers that lack
functions, unreadable DMI files.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from gfd.inventory.profiles import CI_PROFILES, gi_name, mig_name
from tests.standin.machine import Fault, Standin, StandinGpu, StandinMig, StandinProfile

GI_B, MI_B = 2**30, 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A machine, and how to run discovery on it."""

    seed: int
    standin: Standin
    strategy: str
    config: str
    """The device plugin's configuration file."""
    machine_type: bytes | None
    """Content of the DMI file; None where there is none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A GPU model. Rows of ``profiles``: enum, id, slices, max, SM, copy, decoder, jpeg, ofa, MiB."""

    name: str
    cc: tuple[int, int]
    memory: int
    profiles: tuple[tuple[int, ...], ...] = ()


A100_40 = (
    (0, 19, 1, 7, 14, 1, 0, 0, 0, 4864),
    (1, 14, 2, 3, 28, 2, 1, 0, 0, 9856),
    (2, 9, 3, 2, 42, 3, 2, 0, 0, 19968),
    (3, 5, 4, 1, 56, 4, 2, 0, 0, 19968),
    (4, 0, 7, 1, 98, 7, 5, 1, 1, 40192),
    (7, 20, 1, 1, 14, 1, 1, 1, 1, 4864),
    (9, 15, 1, 4, 14, 1, 1, 0, 0, 9856),
)
A100_80 = (
    (0, 19, 1, 7, 14, 1, 0, 0, 0, 9728),
    (1, 14, 2, 3, 28, 2, 1, 0, 0, 19968),
    (2, 9, 3, 2, 42, 3, 2, 0, 0, 40192),
    (3, 5, 4, 1, 56, 4, 2, 0, 0, 40192),
    (4, 0, 7, 1, 98, 7, 5, 1, 1, 80896),
    (7, 20, 1, 1, 14, 1, 1, 1, 1, 9728),
    (9, 15, 1, 4, 14, 1, 1, 0, 0, 19968),
)
A30 = (
    (0, 14, 1, 4, 14, 1, 0, 0, 0, 5952),
    (1, 5, 2, 2, 28, 2, 2, 0, 0, 12032),
    (3, 0, 4, 1, 56, 4, 4, 1, 1, 24192),
    (7, 21, 1, 1, 14, 1, 1, 1, 1, 5952),
    (8, 6, 2, 1, 28, 2, 2, 1, 1, 12032),
)
H100 = (
    (0, 19, 1, 7, 16, 1, 1, 1, 0, 9984),
    (1, 14, 2, 3, 32, 2, 2, 2, 0, 20096),
    (2, 9, 3, 2, 60, 3, 3, 3, 0, 40448),
    (3, 5, 4, 1, 64, 4, 4, 4, 0, 40448),
    (4, 0, 7, 1, 132, 8, 7, 7, 1, 81152),
    (7, 20, 1, 1, 16, 1, 1, 1, 1, 9984),
    (9, 15, 1, 4, 26, 1, 1, 1, 0, 20096),
)
H200 = (
    (0, 19, 1, 7, 16, 1, 1, 1, 0, 16384),
    (1, 14, 2, 3, 32, 2, 2, 2, 0, 33280),
    (2, 9, 3, 2, 60, 3, 3, 3, 0, 71424),
    (3, 5, 4, 1, 64, 4, 4, 4, 0, 71424),
    (4, 0, 7, 1, 132, 8, 7, 7, 1, 143360),
    (7, 20, 1, 1, 16, 1, 1, 1, 1, 16384),
    (9, 15, 1, 4, 26, 1, 1, 1, 0, 33280),
)
B200 = (
    (0, 19, 1, 7, 18, 1, 1, 1, 0, 22784),
    (1, 14, 2, 3, 36, 2, 2, 2, 0, 45568),
    (2, 9, 3, 2, 70, 3, 3, 3, 0, 91136),
    (3, 5, 4, 1, 72, 4, 4, 4, 0, 91136),
    (4, 0, 7, 1, 148, 8, 7, 7, 1, 183296),
    (7, 20, 1, 1, 18, 1, 1, 1, 1, 22784),
    (13, 21, 1, 7, 18, 1, 0, 0, 0, 22784),
    (15, 22, 1, 1, 18, 1, 7, 7, 1, 22784),
    (9, 15, 1, 4, 34, 1, 1, 1, 0, 45568),
)
# Only the enums are known to be real here: they are what this model is for.
RTX_PRO = (
    (0, 14, 1, 4, 46, 1, 1, 1, 0, 24192),
    (1, 5, 2, 2, 94, 2, 2, 2, 0, 48512),
    (3, 0, 4, 1, 188, 4, 4, 4, 1, 97280),
    (10, 47, 1, 4, 46, 1, 1, 1, 0, 24192),
    (11, 35, 2, 2, 94, 2, 2, 2, 0, 48512),
    (12, 32, 4, 1, 188, 4, 4, 4, 1, 97280),
    (13, 67, 1, 4, 46, 1, 0, 0, 0, 24192),
    (14, 66, 2, 2, 94, 2, 0, 0, 0, 48512),
    (15, 65, 1, 1, 46, 1, 4, 4, 1, 24192),
    (16, 64, 2, 1, 94, 2, 4, 4, 1, 48512),
)

MIG_MODELS = (
    Model(name="NVIDIA A100-SXM4-40GB", cc=(8, 0), memory=42_506_321_920, profiles=A100_40),
    Model(name="NVIDIA A100-PCIE-40GB", cc=(8, 0), memory=42_505_273_344, profiles=A100_40),
    Model(name="NVIDIA A100-SXM4-80GB", cc=(8, 0), memory=85_899_345_920, profiles=A100_80),
    Model(name="NVIDIA A30", cc=(8, 0), memory=25_769_803_776, profiles=A30),
    Model(name="NVIDIA H100 80GB HBM3", cc=(9, 0), memory=85_520_809_984, profiles=H100),
    Model(name="NVIDIA H200", cc=(9, 0), memory=150_754_820_096, profiles=H200),
    Model(name="NVIDIA B200", cc=(10, 0), memory=192_264_929_280, profiles=B200),
    Model(
        name="NVIDIA RTX PRO 6000 Blackwell Server Edition",
        cc=(12, 0),
        memory=102_641_958_912,
        profiles=RTX_PRO,
    ),
)

PLAIN_MODELS = (
    Model(name="Tesla K80", cc=(3, 7), memory=11_997_020_160),
    Model(name="Tesla M60", cc=(5, 2), memory=8 * GI_B),
    Model(name="Tesla P100-PCIE-16GB", cc=(6, 0), memory=17_071_734_784),
    Model(name="Tesla V100-SXM2-16GB", cc=(7, 0), memory=16_945_512_448),
    Model(name="NVIDIA TITAN V", cc=(7, 2), memory=12 * GI_B),
    Model(name="Tesla T4", cc=(7, 5), memory=15_843_721_216),
    Model(name="NVIDIA A10", cc=(8, 6), memory=23 * GI_B),
    Model(name="NVIDIA L40S", cc=(8, 9), memory=48_305_799_168),
    Model(name="NVIDIA GeForce RTX 5090", cc=(12, 0), memory=32_607 * MI_B),
    Model(name="NVIDIA Rubin", cc=(13, 0), memory=288 * GI_B),
    Model(name="Tesla C1060", cc=(1, 3), memory=4 * GI_B),
    Model(name="Tesla C2050", cc=(2, 0), memory=3 * GI_B),
    Model(name="NVIDIA Unknown", cc=(4, 2), memory=MI_B - 1),
    Model(name="NVIDIA Nothing", cc=(0, 0), memory=0),
    Model(name="NVIDIA Half", cc=(0, 7), memory=GI_B + 1),
)

ODD_NAMES: tuple[bytes, ...] = (
    b"NVIDIA\tA100\tTabs",
    "NVIDIA® GPU™ with marks".encode(),
    b"NVIDIA  two   blanks",
    b"  NVIDIA between blanks ",
    b"-NVIDIA-",
    b"...NVIDIA GPU___",
    b"_",
    b"",
    b"(",
    b" ",
    b"NVIDIA \xff\xfe\x80 GPU",
    b"\xc3",
    b"NVIDIA A100 (engineering sample) #7",
    b"N" * 70,
    b"NVIDIA Very Long Name of a Data Centre GPU with 80GB of HBM3 and - - -",
    b"NVIDIA " + b"x" * 55 + b" - tail",
    b"GPU=1 # comment",
    b"NVIDIA\nGPU",
    "NVIDIA 超 GPU".encode(),
    b"NVIDIA A100\\x41",
    b"Orin",
)

DISPLAY_BOARDS = ("DGX Display", "NVIDIA DGX Display")

DRIVERS: tuple[bytes, ...] = (b"580.159.04", b"535.54", b"470.161.3", b"550.0", b"1.2")
BAD_DRIVERS: tuple[bytes, ...] = (
    b"580",
    b"1.2.3.4",
    b"",
    b"..",
    b"580..",
    b"580.",
    b".1.2",
    b"a.b.c",
    b"580.1 .2",
)

MACHINE_TYPES: tuple[bytes | None, ...] = (
    b"DGXA100 920-23687-2530-000\n",
    b"PowerEdge R750",
    b"  Standard PC (Q35 + ICH9, 2009)  \n",
    b"X" * 80,
    b"To be filled by O.E.M.\n",
    b"",
    b"\n",
    b"   \t\n",
    b"--\n",
    b"Name\x00after\n",
    b"\xff\xfe\n",
    b"Two\nLines\n",
    None,
)

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
"""Functions that older drivers lack, and that clients look for before they call them."""


def random_case(seed: int, *, with_mixed_models: bool = False) -> Case:
    """Return the case of a seed; its GPUs are of one model unless ``with_mixed_models``."""
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
    # On many nodes all GPUs are cut in the same way, which is the only way that "single" takes.
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
            name=gi_name(row[0], row[9], model.memory),
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
        # In a PCI domain that no host of these tests has, so that nobody finds a real device there.
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
    # MIG devices that went leave holes in the indices, those that stay keep theirs.
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
    # As drivers came by: without the first version of the fabric query there is no second either.
    return rng.choice(
        (OPTIONAL_FUNCTIONS, OPTIONAL_FUNCTIONS[:1], OPTIONAL_FUNCTIONS[1:], OPTIONAL_FUNCTIONS[2:])
    )


def _config(rng: random.Random, standin: Standin) -> str:
    names = ["nvidia.com/gpu"]
    for gpu in standin.gpus:
        for mig in gpu.migs:
            enum = next(profile.enum for profile in gpu.profiles if profile.id == mig.gi_profile)
            profile = mig_name(enum, mig.ci_enum or 0, mig.memory_mib or 0, gpu.memory or 1)
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
