from __future__ import annotations

from typing import Any

import pytest

from gfd.errors import ConfigError, ProbeError
from gfd.inventory.model import FailedGpu, Inventory, Vgpu
from gfd.labels.models import ModelCount
from gfd.labels.resources import CudaVersion, DriverVersion, NodeFacts, VgpuHost, resolve
from gfd.labels.sharing import SharedResource, Sharing
from tests.make import CLUSTER, fabric, failure, gpu, inventory, mig, mig_gpu

MPS = Sharing(strategy="mps", resources=(SharedResource(name="nvidia.com/gpu", replicas=2),))


def look(*gpus: Any, sharing: Sharing | None = None, **fields: Any) -> NodeFacts:
    return resolve(inventory(*gpus, **fields), mig_strategy="none", sharing=sharing)


def test_a_node_without_gpus() -> None:
    # The driver is not even asked for there.
    bare = inventory(driver_version=None, failures=(failure("driver_version"),))
    assert resolve(bare, mig_strategy="single", timestamp=5) == NodeFacts(
        mig_strategy="single",
        timestamp=5,
        vgpu=VgpuHost(is_present=False, driver_version=None, driver_branch=None),
    )


def test_an_error_if_all_gpus_failed() -> None:
    failed = FailedGpu(index=0, failure=failure("gpu"))
    with pytest.raises(ProbeError, match="none of 2 GPUs could be read: nvmlSomething on GPU 0 failed"):
        resolve(Inventory(failed_gpus=(failed, failed)), mig_strategy="none")


def test_one_gpu_that_fails_does_not_fail_the_node() -> None:
    failed = (FailedGpu(index=0, failure=failure("gpu")),)
    node = look(gpu(1), failed_gpus=failed)
    assert node.resources[0].count == 1
    assert (node.gpus, node.failed) == ((gpu(1),), failed)


UNREADABLE = mig(profile=None, failures=(failure("profile", "GPU 2 MIG 0"),))
LEFT_OUT = FailedGpu(index=2, failure=failure("profile", "GPU 2 MIG 0"), pci_address="0000:02:00.0")


@pytest.mark.parametrize("strategy", ["single", "mixed"])
def test_a_gpu_without_a_needed_fact_is_not_counted(strategy: str) -> None:
    failed = tuple(FailedGpu(index=index, failure=failure("gpu")) for index in (0, 3))
    bad = mig_gpu(2, name="Z", pci_class=0x0300, fabric=fabric(clique_id=8), mig_devices=(UNREADABLE,))
    rest = tuple(mig_gpu(index, fabric=fabric()) for index in (1, 4))
    node = resolve(inventory(rest[0], bad, rest[1], failed_gpus=failed), mig_strategy=strategy)
    assert node == resolve(inventory(*rest), mig_strategy=strategy)._replace(
        failed=(failed[0], LEFT_OUT, failed[1])
    )


def test_none_counts_a_gpu_with_unknown_mig_devices() -> None:
    node = look(gpu(0), mig_gpu(2, mig_devices=(UNREADABLE,)))
    assert (node.resources[0].count, node.failed) == (2, ())


@pytest.mark.parametrize("strategy", ["single", "mixed"])
def test_an_error_if_all_gpus_are_left_out(strategy: str) -> None:
    bad = mig_gpu(2, mig_devices=(UNREADABLE,))
    failed = FailedGpu(index=3, failure=failure("gpu"))
    with pytest.raises(ProbeError, match="none of 2 GPUs could be read: nvmlSomething on GPU 2 MIG 0 failed"):
        resolve(inventory(bad, failed_gpus=(failed,)), mig_strategy=strategy)


def test_single_is_invalid_without_a_look_at_mig_devices() -> None:
    bad = mig_gpu(2, mig_devices=(UNREADABLE,))
    node = resolve(inventory(gpu(0), bad), mig_strategy="single")
    assert (node.resources[0].product, node.failed) == ("A100-PCIE-40GB-MIG-INVALID", ())


def test_versions() -> None:
    node = look(gpu())
    assert node.driver == DriverVersion(full="460.73.01", major="460", minor="73", revision="01")
    assert node.cuda == CudaVersion(major=11, minor=2)
    assert look(gpu(), driver_version="535.1").driver == DriverVersion(
        full="535.1", major="535", minor="1", revision=""
    )
    assert look(gpu(), cuda_version=13000).cuda == CudaVersion(major=13, minor=0)
    assert look(gpu(), cuda_version=-1).cuda is None


@pytest.mark.parametrize("version", ["535", "1.2.3.4", ""])
def test_an_invalid_driver_version(version: str) -> None:
    with pytest.raises(ProbeError, match=f"«{version}» is not of the form X.Y or X.Y.Z"):
        look(gpu(), driver_version=version)


@pytest.mark.parametrize("fact", ["driver_version", "cuda_version"])
def test_an_unreadable_version(fact: str) -> None:
    with pytest.raises(ProbeError, match="nvmlSomething"):
        resolve(inventory(gpu(), **{fact: None, "failures": (failure(fact),)}), mig_strategy="none")


@pytest.mark.parametrize(
    ("machine_type", "machine"),
    [
        (None, "unknown"),
        ("DGX Station A100 920-23487-2530-0R0", "DGX-Station-A100-920-23487-2530-0R0"),
        ("Acme, Inc.", "Acme-Inc"),
        ("", ""),
    ],
)
def test_machine(machine_type: str | None, machine: str) -> None:
    assert look(gpu(), machine_type=machine_type).machine == machine


@pytest.mark.parametrize(
    ("classes", "mode"),
    [
        ((0x0300,), "graphics"),
        ((0x0302, 0x0302), "compute"),
        ((0x0300, 0x0302), "unknown"),
        ((0x0302, None), "unknown"),
        ((None,), "unknown"),
        ((0x0380,), "unknown"),
    ],
)
def test_mode(classes: tuple[int | None, ...], mode: str) -> None:
    assert look(*(gpu(i, pci_class=c) for i, c in enumerate(classes))).mode == mode


@pytest.mark.parametrize(
    ("fabrics", "clique"),
    [
        ((None,), None),
        ((fabric(),), f"{CLUSTER}.7"),
        ((fabric(), fabric(), None), f"{CLUSTER}.7"),
        ((fabric(), fabric(clique_id=8)), None),
        ((fabric(), fabric(cluster_uuid="1" + CLUSTER[1:])), None),
        ((fabric(), fabric(state=2, clique_id=8)), f"{CLUSTER}.7"),
        ((fabric(status=1),), None),
        ((fabric(cluster_uuid="00000000-0000-0000-0000-000000000000"),), None),
    ],
)
def test_clique(fabrics: tuple[Any, ...], clique: str | None) -> None:
    assert look(*(gpu(i, fabric=f) for i, f in enumerate(fabrics))).clique == clique


def test_a_fabric_that_cannot_be_read_leaves_the_clique_out() -> None:
    assert look(gpu(0, fabric=fabric()), gpu(1, failures=(failure("fabric"),))).clique is None


def test_mig_capable() -> None:
    assert look(gpu(0, is_mig_capable=False), gpu(1)).is_mig_capable
    assert not look(gpu(0, is_mig_capable=False)).is_mig_capable


def test_mps() -> None:
    assert look(gpu(), sharing=MPS).is_mps_capable
    assert not look(gpu()).is_mps_capable
    with pytest.raises(ConfigError, match=r"^sharing\.mps .*MPS cannot share GPU 1,"):
        look(gpu(0), mig_gpu(1), sharing=MPS)
    bad = mig_gpu(2, mig_devices=(UNREADABLE,))
    with pytest.raises(ConfigError, match=r"^sharing\.mps .*MPS cannot share GPU 2,"):
        resolve(inventory(gpu(0), bad), mig_strategy="mixed", sharing=MPS)


def test_vgpu() -> None:
    assert look(gpu(), vgpu=None).vgpu is None
    host = Vgpu(is_present=True, host_driver_version="460.16", host_driver_branch="r460_00")
    assert look(gpu(), vgpu=host).vgpu == VgpuHost(
        is_present=True, driver_version="460.16", driver_branch="r460_00"
    )
    odd = Vgpu(is_present=True, host_driver_version="46\x00/0", host_driver_branch=None)
    assert look(gpu(), vgpu=odd).vgpu == VgpuHost(is_present=True, driver_version="460", driver_branch=None)


def test_models() -> None:
    node = look(gpu(0, name="Tesla T4"), gpu(1, name="NVIDIA L4"), gpu(2, name="NVIDIA L4"))
    assert node.model == "NVIDIA-L4"
    assert node.gpu is not None
    assert node.gpu.index == 2
    assert node.models == (
        ModelCount(product="NVIDIA-L4", count=2, gpus=node.gpus[1:]),
        ModelCount(product="Tesla-T4", count=1, gpus=node.gpus[:1]),
    )
