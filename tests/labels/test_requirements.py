from __future__ import annotations

from typing import Any

import pytest

from gfd.errors import ProbeError
from gfd.inventory.model import FactFailure, FailedGpu, Gpu
from gfd.labels.models import choose_model
from gfd.labels.requirements import (
    KERNEL_LOG_ADVICE,
    MIG_ADVICE,
    MIG_FACTS,
    NO_PERMISSION,
    explain_unknown_memory,
    find_permission_failure,
    partition,
)
from gfd.labels.sharing import Sharing
from gfd.labels.strategies import STRATEGIES, mixed, single
from tests.make import failure, gpu, mig, mig_gpu

NO_REASON = "could not be read from the inventory: it has no value and no reason"
UNREADABLE = mig(1, profile=None, failures=(failure("profile", "GPU 0 MIG 1"),))
UNLISTED: dict[str, Any] = {"mig_devices": None, "failures": (failure("mig_devices"),)}
NAMELESS = mig(
    0,
    profile=None,
    failures=(FactFailure(fact="profile", source="nvmlX", device="GPU 0 MIG 0", reason="no memory"),),
)


def refused(fact: str, index: int = 0, code: int = NO_PERMISSION) -> dict[str, Any]:
    why = FactFailure(
        fact=fact, source="nvmlX", device=f"GPU {index}", reason="Insufficient Permissions", code=code
    )
    return {fact: None, "failures": (why,)}


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        pytest.param(
            mig_gpu(0, mig_devices=(mig(0), UNREADABLE)),
            "nvmlSomething on GPU 0 MIG 1 failed: GPU is lost (NVML error 15)",
            id="an unreadable device",
        ),
        pytest.param(
            mig_gpu(0, **UNLISTED),
            "nvmlSomething on GPU 0 failed: GPU is lost (NVML error 15)",
            id="unlisted devices",
        ),
        *(
            pytest.param(
                mig_gpu(0, mig_devices=(mig(0), mig(3, **{fact: None}))),
                f"{fact} of GPU 0 MIG 3 {NO_REASON}",
                id=f"no {fact}",
            )
            for fact in MIG_FACTS
        ),
        pytest.param(mig_gpu(0, mig_devices=None), f"mig_devices of GPU 0 {NO_REASON}", id="no devices"),
    ],
)
def test_single_and_mixed_leave_out_a_gpu_with_an_unreadable_mig_device(broken: Gpu, reason: str) -> None:
    rest = tuple(mig_gpu(index) for index in range(1, 8))
    assert partition("none", (broken, *rest)) == ((broken, *rest), ())
    for strategy in ("single", "mixed"):
        kept, (left_out,) = partition(strategy, (broken, *rest))
        assert kept == rest
        assert str(left_out) == f"GPU 0 is left out: {reason}"


def test_single_can_be_invalid_for_the_remaining_gpus() -> None:
    gpus = (
        mig_gpu(0, mig_devices=(UNREADABLE,)),
        mig_gpu(1),
        mig_gpu(2, mig_devices=(mig(0, profile="2g.10gb"),)),
    )
    kept, left_out = partition("single", gpus)
    assert (kept, len(left_out)) == (gpus[1:], 1)
    (resource,) = single(kept, choose_model(kept), Sharing())
    assert resource.product == "A100-PCIE-40GB-MIG-INVALID"


def test_a_full_gpu_needs_no_mig_devices() -> None:
    gpus = (mig_gpu(0, **UNLISTED), gpu(1, mig_devices=None))
    kept, left_out = partition("mixed", gpus)
    assert kept == gpus[1:]
    assert left_out == (FailedGpu(index=0, failure=failure("mig_devices"), pci_address="0000:00:00.0"),)
    assert [offered.name for offered in mixed(kept, choose_model(kept), Sharing())] == ["gpu"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("fields", "is_kept"),
    [
        ({"uuid": None, "failures": (failure("uuid"), failure("fabric"))}, True),
        ({"memory_bytes": None}, True),
        ({"memory_bytes": None, "failures": (failure("memory_bytes"),)}, True),
        ({"compute_capability": None, "failures": (failure("compute_capability"),)}, False),
        ({"compute_capability": None}, False),
    ],
)
def test_facts_that_every_strategy_needs(strategy: str, fields: dict[str, Any], is_kept: bool) -> None:
    kept, left_out = partition(strategy, (gpu(0, **fields),))
    assert (len(kept), len(left_out)) == (is_kept, not is_kept)


def test_an_unreadable_gpu_is_left_out_of_an_invalid_node() -> None:
    gpus = (gpu(0, compute_capability=None), mig_gpu(1))
    assert partition("single", gpus)[0] == gpus[1:]


@pytest.mark.parametrize("strategy", ["single", "mixed"])
def test_hidden_mig_devices_are_an_error(strategy: str) -> None:
    gpus = tuple(mig_gpu(index, **refused("memory_bytes", index)) for index in (1, 3))
    with pytest.raises(ProbeError) as raised:
        partition(strategy, (mig_gpu(0), *gpus))
    assert str(raised.value) == (
        f"MIG strategy {strategy} needs the MIG devices of GPU 1, GPU 3, which NVML does not show: "
        f"nvmlX on GPU 1 failed: Insufficient Permissions (NVML error 4); {MIG_ADVICE}"
    )
    assert partition("none", gpus) == (gpus, ())


@pytest.mark.parametrize(
    "hidden",
    [
        pytest.param(mig_gpu(0, 0, **refused("memory_bytes")), id="no device, and the memory refused"),
        pytest.param(mig_gpu(0, **refused("mig_devices")), id="devices refused"),
        pytest.param(mig_gpu(0)._replace(failures=refused("profiles")["failures"]), id="profiles refused"),
        pytest.param(
            mig_gpu(0, mig_devices=(UNREADABLE._replace(failures=refused("profile")["failures"]),)),
            id="a device's profile refused",
        ),
        pytest.param(
            mig_gpu(0, mig_devices=(NAMELESS,), **refused("memory_bytes", code=999)), id="memory unknown"
        ),
        pytest.param(mig_gpu(0, mig_devices=(NAMELESS,), memory_bytes=None), id="no memory"),
    ],
)
def test_gpus_with_hidden_mig_devices(hidden: Gpu) -> None:
    with pytest.raises(ProbeError, match="needs the MIG devices of GPU 0, which NVML does not show: "):
        partition("mixed", (hidden, mig_gpu(1)))


@pytest.mark.parametrize(
    "gpus",
    [
        pytest.param((gpu(0), mig_gpu(1, **refused("memory_bytes", 1))), id="a full GPU beside"),
        pytest.param((mig_gpu(0), mig_gpu(1, 0, **refused("memory_bytes", 1))), id="no device to see"),
    ],
)
def test_an_invalid_single_needs_no_permission(gpus: tuple[Gpu, ...]) -> None:
    assert partition("single", gpus) == (gpus, ())


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(mig_gpu(0, mig_devices=(mig(0, **refused("uuid")),)), id="a UUID refused"),
        pytest.param(mig_gpu(0, 0, **refused("memory_bytes", code=999)), id="no memory, no devices"),
        pytest.param(mig_gpu(0, memory_bytes=None), id="profiles known without the memory"),
        pytest.param(gpu(0, **refused("memory_bytes")), id="MIG is off"),
    ],
)
def test_gpus_with_visible_mig_devices(harmless: Gpu) -> None:
    assert partition("mixed", (harmless,)) == ((harmless,), ())


def test_the_advice_depends_on_the_error() -> None:
    hidden = mig_gpu(0, mig_devices=(NAMELESS,), **refused("memory_bytes", code=999))
    with pytest.raises(ProbeError) as raised:
        partition("mixed", (hidden,))
    assert str(raised.value).endswith(f"(NVML error 999); {KERNEL_LOG_ADVICE}")
    assert "reset" not in MIG_ADVICE
    assert all(word in MIG_ADVICE for word in ("NVIDIA_MIG_MONITOR_DEVICES=all", "SYS_ADMIN", "privileged"))
    assert "NVIDIA Container Toolkit 1.18.0 to 1.20.0" in MIG_ADVICE


def test_unknown_memory_is_explained() -> None:
    gpus = (gpu(0), gpu(1, **refused("memory_bytes", 1)), gpu(3, **refused("memory_bytes", 3)))
    assert explain_unknown_memory(gpus) == (
        "the memory of GPU 1, GPU 3 is unknown: "
        f"nvmlX on GPU 1 failed: Insufficient Permissions (NVML error 4); {MIG_ADVICE}"
    )
    assert explain_unknown_memory((gpu(0), gpu(1, memory_bytes=None))) == ""


def test_permission_failures_need_mig_mode() -> None:
    assert find_permission_failure(gpu(0, **refused("memory_bytes"))) is None
    assert find_permission_failure(mig_gpu(0)) is None
    assert (
        find_permission_failure(mig_gpu(0, **refused("memory_bytes")))
        == refused("memory_bytes")["failures"][0]
    )
