from __future__ import annotations

from dataclasses import replace

import pytest

from gfd.errors import NvmlCallFailed
from gfd.inventory import Gpu
from gfd.models import choose
from gfd.sharing import SharedResource, Sharing
from gfd.strategies import STRATEGIES, Resource, family_of
from tests.make import ENGINES, failure, gpu, mig, mig_gpu

UNSHARED = Sharing()
FULL = Resource(
    name="gpu",
    product="A100-PCIE-40GB",
    count=1,
    replicas=1,
    sharing_strategy="none",
    memory_mib=40536,
    family="ampere",
    compute_major=8,
    compute_minor=0,
)
MIG = Resource(
    name="mig-1g.5gb",
    product="A100-PCIE-40GB-MIG-1g.5gb",
    count=7,
    replicas=1,
    sharing_strategy="none",
    memory_mib=4864,
    multiprocessors=14,
    engines=ENGINES,
    gi_slices=1,
    ci_slices=1,
)
NOT_SHARED = {"replicas": 0, "sharing_strategy": "none"}


def offer(strategy: str, *gpus: Gpu, sharing: Sharing = UNSHARED) -> tuple[Resource, ...]:
    return STRATEGIES[strategy](gpus, choose(gpus), sharing)


def shared(name: str, strategy: str = "time-slicing", *, is_renamed: bool = False) -> Sharing:
    return Sharing(
        strategy=strategy,
        resources=(SharedResource(name=name, replicas=4), SharedResource(name=name, replicas=9)),
        is_renamed=is_renamed,
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_full_gpus_are_the_same_under_all(strategy: str) -> None:
    assert offer(strategy, gpu(0), gpu(1)) == (replace(FULL, count=2),)


def test_mig_enabled_gpus_count_but_are_not_shared() -> None:
    sharing = shared("nvidia.com/gpu")
    assert offer("none", mig_gpu(), sharing=sharing) == (replace(FULL, replicas=0, sharing_strategy="none"),)
    (both,) = offer("none", mig_gpu(0), gpu(1), sharing=sharing)
    assert both == replace(
        FULL, count=2, product="A100-PCIE-40GB-SHARED", replicas=4, sharing_strategy="time-slicing"
    )


@pytest.mark.parametrize("strategy", ["time-slicing", "mps"])
def test_sharing(strategy: str) -> None:
    (resource,) = offer("none", gpu(), sharing=shared("nvidia.com/gpu", strategy))
    assert resource == replace(FULL, product="A100-PCIE-40GB-SHARED", replicas=4, sharing_strategy=strategy)


def test_a_renamed_resource_keeps_its_product() -> None:
    (resource,) = offer("none", gpu(), sharing=shared("nvidia.com/gpu", is_renamed=True))
    assert resource == replace(FULL, replicas=4, sharing_strategy="time-slicing")


@pytest.mark.parametrize(
    ("name", "product"), [("", ""), ("®", "SHARED"), ("-A-", "A--SHARED"), ("N" * 60, "N" * 60 + "-SH")]
)
def test_odd_names(name: str, product: str) -> None:
    (resource,) = offer("none", gpu(name=name), sharing=shared("nvidia.com/gpu"))
    assert resource.product == product


def test_single_puts_mig_in_place_of_full_gpus() -> None:
    assert offer("single", mig_gpu(0), mig_gpu(1)) == (
        replace(MIG, name="gpu", count=14, family="ampere", compute_major=8, compute_minor=0),
    )


def test_single_shares_the_resource_gpu() -> None:
    (resource,) = offer("single", mig_gpu(), sharing=shared("nvidia.com/gpu"))
    assert (resource.product, resource.replicas) == ("A100-PCIE-40GB-MIG-1g.5gb-SHARED", 4)


UNREADABLE = mig(1, profile=None, failures=(failure("profile"),))


@pytest.mark.parametrize(
    "gpus",
    [
        pytest.param((mig_gpu(0), mig_gpu(1, 0)), id="an empty GPU"),
        pytest.param((mig_gpu(0), gpu(1)), id="a full GPU beside"),
        pytest.param((mig_gpu(0, mig_devices=(mig(0), mig(1, profile="2g.10gb"))),), id="two profiles"),
        pytest.param(
            (mig_gpu(0, mig_devices=(UNREADABLE,)), mig_gpu(1, 0)), id="empty before an unreadable device"
        ),
    ],
)
def test_single_is_invalid_with(gpus: tuple[Gpu, ...]) -> None:
    assert offer("single", *gpus) == (
        replace(
            FULL,
            product="A100-PCIE-40GB-MIG-INVALID",
            count=0,
            replicas=0,
            sharing_strategy="",
            memory_mib=0,
        ),
    )


def test_mixed_puts_mig_beside_full_gpus() -> None:
    other = mig(1, profile="1c.3g.20gb", memory_mib=19968)
    resources = offer(
        "mixed",
        mig_gpu(0),
        mig_gpu(1, 0),
        mig_gpu(2, mig_devices=(mig(0), other)),
        sharing=shared("nvidia.com/mig-1c.3g.20gb"),
    )
    assert resources == (
        replace(FULL, count=3, replicas=0),
        replace(MIG, count=8),
        replace(
            MIG,
            name="mig-1c.3g.20gb",
            product="A100-PCIE-40GB-MIG-1c.3g.20gb-SHARED",
            count=1,
            memory_mib=19968,
            replicas=4,
            sharing_strategy="time-slicing",
        ),
    )


def test_a_profile_on_two_models_takes_the_first_parent() -> None:
    resources = offer("mixed", mig_gpu(0, name="X"), mig_gpu(1, name="Y"), mig_gpu(2, name="Y"))
    assert [(r.name, r.product, r.count) for r in resources] == [
        ("gpu", "Y", 2),
        ("mig-1g.5gb", "X-MIG-1g.5gb", 21),
    ]


def test_only_who_needs_an_unreadable_mig_device_fails() -> None:
    broken = mig_gpu(0, mig_devices=(mig(0), UNREADABLE))
    assert offer("none", broken) == (replace(FULL, replicas=0),)
    for strategy in ("single", "mixed"):
        with pytest.raises(NvmlCallFailed, match="nvmlSomething on GPU 0 failed: GPU is lost"):
            offer(strategy, broken)


def test_mig_devices_that_cannot_be_listed() -> None:
    broken = mig_gpu(0, mig_devices=None, failures=(failure("mig_devices"),))
    assert offer("none", broken) == (replace(FULL, replicas=0),)
    for strategy in ("single", "mixed"):
        with pytest.raises(NvmlCallFailed):
            offer(strategy, broken)


def test_memory_and_capability_that_nvml_cannot_tell() -> None:
    (resource,) = offer("none", gpu(memory_bytes=None, compute_capability=(0, 7)))
    assert resource == replace(FULL, memory_mib=None, family=None, compute_major=None, compute_minor=None)
    with pytest.raises(NvmlCallFailed):
        offer("none", gpu(compute_capability=None, failures=(failure("compute_capability"),)))


@pytest.mark.parametrize(
    ("major", "minor", "family"),
    [
        (1, 3, "tesla"),
        (2, 0, "fermi"),
        (3, 7, "kepler"),
        (4, 0, "undefined"),
        (5, 2, "maxwell"),
        (6, 1, "pascal"),
        (7, 0, "volta"),
        (7, 4, "volta"),
        (7, 5, "turing"),
        (8, 0, "ampere"),
        (8, 8, "ampere"),
        (8, 9, "ada-lovelace"),
        (9, 0, "hopper"),
        (10, 3, "blackwell"),
        (11, 0, "undefined"),
        (12, 1, "blackwell"),
        (13, 0, "rubin"),
    ],
)
def test_families(major: int, minor: int, family: str) -> None:
    assert family_of(major, minor) == family
