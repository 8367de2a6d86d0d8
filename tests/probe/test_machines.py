"""Whole machines on the stand-in, and the inventory that gfd reads from them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gfd.inventory.model import Fabric, FactFailure, FailedGpu, Gpu, MigDevice
from gfd.simulation import machines
from tests import standin
from tests.probe.boards import (
    A100,
    A100_STANDIN,
    H100,
    H100_STANDIN,
    NODE,
    PAIR,
    PAIR_STANDIN,
    T4,
    T4_STANDIN,
    one_slice,
    one_slice_standin,
    part_of_three,
    part_of_three_standin,
)
from tests.probe.reading import Case, Result, read_all, show
from tests.standin import Fault, Standin, StandinGpu, StandinMig, StandinProfile

NAME_ONLY = Gpu(
    index=0,
    name="X",
    compute_capability=(0, 0),
    is_memory_unified=True,
    failures=(
        FactFailure(fact="uuid", source="nvmlDeviceGetUUID", device="GPU 0", reason="Not Supported", code=3),
    ),
)


def a100(*devices: tuple[StandinMig, MigDevice]) -> Case:
    played = replace(A100_STANDIN, migs=tuple(mig for mig, _ in devices))
    expected = A100._replace(mig_devices=tuple(device for _, device in devices))
    return Case(machine=Standin(gpus=(played,)), expected=NODE._replace(gpus=(expected,)))


def nameless() -> Case:
    """A GPU-instance profile without a name (enum 17), and a GPU instance whose profile is not offered."""
    first, second = one_slice_standin(0), one_slice_standin(1)
    played = replace(
        A100_STANDIN,
        profiles=(*A100_STANDIN.profiles, StandinProfile(enum=17, id=47, slices=1, memory_mib=4864)),
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
                FactFailure(
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


def gpus(*boards: tuple[StandinGpu, Gpu | None]) -> Case:
    """Boards in NVML's order; None for a board that gfd skips."""
    found = [gpu._replace(index=index) for index, (_, gpu) in enumerate(boards) if gpu is not None]
    found.sort(key=lambda gpu: (len(gpu.pci_address or ""), gpu.pci_address or ""))
    return Case(
        machine=Standin(gpus=tuple(board for board, _ in boards)), expected=NODE._replace(gpus=tuple(found))
    )


def t4_at(bus_id: str, address: str) -> tuple[StandinGpu, Gpu]:
    return replace(T4_STANDIN, pci=bus_id), T4._replace(pci_address=address)


def invalid_index(code: int) -> Case:
    """gfd skips a MIG index that NVML refuses, and finds those after it."""
    first, second = one_slice_standin(0), one_slice_standin(5)
    case = a100((second, one_slice(5)))
    played = replace(A100_STANDIN, migs=(first, second))
    broken = Fault(function="nvmlDeviceGetMigDeviceHandleByIndex", gpu=0, mig=0, error=code)
    return replace(case, machine=Standin(gpus=(played,), faults=(broken,)))


MACHINES = {
    "no GPU": Case(machine=Standin(), expected=NODE),
    "a plain GPU": gpus((T4_STANDIN, T4)),
    "negative numbers": Case(
        machine=Standin(gpus=(replace(T4_STANDIN, cc_major=-1, cc_minor=-2),), cuda=-12040),
        expected=NODE._replace(cuda_version=-12040, gpus=(T4._replace(compute_capability=(-1, -2)),)),
    ),
    "only a name": gpus((StandinGpu(name="X", cc_major=0, cc_minor=0), NAME_ONLY)),
    "two H100": Case(machine=PAIR_STANDIN, expected=NODE._replace(gpus=PAIR)),
    "MIG indices with holes": a100(*((one_slice_standin(index), one_slice(index)) for index in (1, 4, 6))),
    "a MIG index that is an invalid argument": invalid_index(2),
    "a MIG index that is not found": invalid_index(6),
    "smaller compute instances": a100(
        (part_of_three_standin(0, 1, 0, 2, 3), part_of_three(0, 1, 0, "3g.20gb", 3)),
        (part_of_three_standin(1, 2, 0, 0, 1), part_of_three(1, 2, 0, "1c.3g.20gb", 1)),
        (part_of_three_standin(2, 2, 1, 1, 2), part_of_three(2, 2, 1, "2c.3g.20gb", 2)),
    ),
    "media extensions": a100(
        (one_slice_standin(0), one_slice(0)),
        (one_slice_standin(1, has_media=True), one_slice(1, has_media=True)),
    ),
    "MIG-enabled and empty": a100(),
    "MIG-capable and not enabled": gpus(
        (replace(A100_STANDIN, mig=False), A100._replace(is_mig_enabled=False))
    ),
    "profiles without a name": nameless(),
    "DGX displays": gpus(
        (replace(T4_STANDIN, name="NVIDIA DGX Display"), None),
        (T4_STANDIN, T4),
        (replace(T4_STANDIN, name="DGX Display"), None),
        (
            replace(T4_STANDIN, name="DGX Display 2", pci="00000000:00:1F.0"),
            T4._replace(name="DGX Display 2", pci_address="0000:00:1f.0"),
        ),
    ),
    "the order of PCI addresses": gpus(
        t4_at("00010000:01:00.0", "10000:01:00.0"),
        t4_at("00000000:C1:00.0", "0000:c1:00.0"),
        t4_at("0000ABCD:02:00.0", "abcd:02:00.0"),
        t4_at("00000000:0A:00.0", "0000:0a:00.0"),
    ),
    "a name that is not UTF-8": gpus(
        (
            replace(T4_STANDIN, name=b"T4 \xff\xfe\x80 \xc3\xa9", uuid=b"GPU-\xff"),
            T4._replace(name="T4 \ufffd\ufffd\ufffd \xe9", uuid="GPU-\ufffd"),
        )
    ),
    "a board without a name": Case(
        machine=Standin(gpus=(replace(T4_STANDIN, name=None), T4_STANDIN)),
        expected=NODE._replace(
            gpus=(T4._replace(index=1),),
            failed_gpus=(
                FailedGpu(
                    index=0,
                    failure=FactFailure(
                        fact="gpu", source="nvmlDeviceGetName", device="GPU 0", reason="Not Supported", code=3
                    ),
                    pci_address="0000:00:1e.0",
                    uuid=T4.uuid,
                ),
            ),
        ),
    ),
    "a fabric that is not ready": gpus(
        (
            replace(H100_STANDIN, fabric_state=2, fabric_status=999, fabric_cluster=None, fabric_clique=None),
            H100._replace(
                fabric=Fabric(
                    state=2, status=999, cluster_uuid="00000000-0000-0000-0000-000000000000", clique_id=0
                ),
            ),
        )
    ),
}


def make_simulated() -> dict[str, Case]:
    """Every built-in machine on the stand-in: a simulation gives the inventory that a read gives.

    NVML does not see the GPUs of a machine with vfio; tests/probe/test_vfio.py reads it.
    """
    cases = {}
    for name in machines.list_names():
        if machines.read(name).discovery != "nvml":
            continue
        layouts = ["all-disabled"]
        if any(gpu.profiles for gpu in machines.read(name).gpus):
            layouts += ["all-balanced", "all-enabled"]
        for layout in layouts:
            simulated = machines.read(name, layout)
            cases[f"{name} {layout}"] = Case(
                machine=standin.from_inventory(simulated), expected=simulated._replace(machine_type=None)
            )
    return cases


SIMULATED = make_simulated()


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    folder = tmp_path_factory.mktemp("machines")
    return read_all(folder / "cases", MACHINES | SIMULATED, library=standin.build(folder / "library"))


@pytest.mark.parametrize("name", MACHINES | SIMULATED)
def test_machine(name: str, results: dict[str, Result]) -> None:
    assert show(results[name].found) == show((MACHINES | SIMULATED)[name].expected)
    assert results[name].pauses == ()
