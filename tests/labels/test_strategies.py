from __future__ import annotations

from typing import Any

import pytest

from gfd.inventory.model import Gpu
from gfd.labels.models import choose_model
from gfd.labels.sharing import SharedResource, Sharing
from gfd.labels.strategies import STRATEGIES, Resource, find_family
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
    """Return the resources without their devices."""
    offered = STRATEGIES[strategy](gpus, choose_model(gpus), sharing)
    return tuple(resource._replace(gpus=(), mig_devices=()) for resource in offered)


def shared(name: str, strategy: str = "time-slicing", *, is_renamed: bool = False) -> Sharing:
    return Sharing(
        strategy=strategy,
        resources=(SharedResource(name=name, replicas=4), SharedResource(name=name, replicas=9)),
        is_renamed=is_renamed,
    )


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_all_strategies_agree_on_full_gpus(strategy: str) -> None:
    assert offer(strategy, gpu(0), gpu(1)) == (FULL._replace(count=2),)


def test_gpus_in_mig_mode_are_counted_but_not_shared() -> None:
    sharing = shared("nvidia.com/gpu")
    assert offer("none", mig_gpu(), sharing=sharing) == (FULL._replace(replicas=0, sharing_strategy="none"),)
    (both,) = offer("none", mig_gpu(0), gpu(1), sharing=sharing)
    assert both == FULL._replace(
        count=2, product="A100-PCIE-40GB-SHARED", replicas=4, sharing_strategy="time-slicing"
    )


@pytest.mark.parametrize("strategy", ["time-slicing", "mps"])
def test_sharing(strategy: str) -> None:
    (resource,) = offer("none", gpu(), sharing=shared("nvidia.com/gpu", strategy))
    assert resource == FULL._replace(product="A100-PCIE-40GB-SHARED", replicas=4, sharing_strategy=strategy)


def test_a_renamed_resource_keeps_its_product() -> None:
    (resource,) = offer("none", gpu(), sharing=shared("nvidia.com/gpu", is_renamed=True))
    assert resource == FULL._replace(replicas=4, sharing_strategy="time-slicing")


@pytest.mark.parametrize(
    ("name", "product"),
    [("", ""), ("®", "SHARED"), ("-A-", "A--SHARED"), ("N" * 60, "N" * 51 + "-0e70-SHARED")],
)
def test_odd_names(name: str, product: str) -> None:
    (resource,) = offer("none", gpu(name=name), sharing=shared("nvidia.com/gpu"))
    assert resource.product == product


def test_single_replaces_full_gpus() -> None:
    assert offer("single", mig_gpu(0), mig_gpu(1)) == (
        MIG._replace(name="gpu", count=14, family="ampere", compute_major=8, compute_minor=0),
    )


def test_single_shares_the_resource_gpu() -> None:
    (resource,) = offer("single", mig_gpu(), sharing=shared("nvidia.com/gpu"))
    assert (resource.product, resource.replicas) == ("A100-PCIE-40GB-MIG-1g.5gb-SHARED", 4)


UNREADABLE = mig(1, profile=None, failures=(failure("profile", "GPU 0 MIG 1"),))
UNLISTED: dict[str, Any] = {"mig_devices": None, "failures": (failure("mig_devices"),)}


@pytest.mark.parametrize(
    "gpus",
    [
        pytest.param((mig_gpu(0), mig_gpu(1, 0)), id="an empty GPU"),
        pytest.param((mig_gpu(0), gpu(1)), id="a full GPU beside"),
        pytest.param((mig_gpu(0, mig_devices=(mig(0), mig(1, profile="2g.10gb"))),), id="two profiles"),
        pytest.param(
            (mig_gpu(0, mig_devices=(UNREADABLE,)), mig_gpu(1, 0)), id="empty before an unreadable device"
        ),
        pytest.param((mig_gpu(0, **UNLISTED), mig_gpu(1, 0)), id="empty before unlisted devices"),
        pytest.param((mig_gpu(0, **UNLISTED), gpu(1)), id="a full GPU before unlisted devices"),
    ],
)
def test_single_is_invalid_with(gpus: tuple[Gpu, ...]) -> None:
    assert offer("single", *gpus) == (
        FULL._replace(
            product="A100-PCIE-40GB-MIG-INVALID",
            count=0,
            replicas=0,
            sharing_strategy="",
            memory_mib=0,
        ),
    )


def test_mixed_adds_mig_devices() -> None:
    other = mig(1, profile="1c.3g.20gb", memory_mib=19968)
    resources = offer(
        "mixed",
        mig_gpu(0),
        mig_gpu(1, 0),
        mig_gpu(2, mig_devices=(mig(0), other)),
        sharing=shared("nvidia.com/mig-1c.3g.20gb"),
    )
    assert resources == (
        FULL._replace(count=3, replicas=0),
        MIG._replace(count=8),
        MIG._replace(
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


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("none", [("gpu", (0, 1, 2), ())]),
        ("single", [("gpu", (0, 1, 2), (0, 4, 5, 6, 9))]),
        (
            "mixed",
            [("gpu", (0, 1, 2), ()), ("mig-1g.5gb", (0, 2), (0, 4, 6)), ("mig-2g.10gb", (0, 2), (5, 9))],
        ),
    ],
)
def test_devices_of_a_resource(
    strategy: str, expected: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
) -> None:
    two = {"profile": "2g.10gb"}
    gpus = (
        mig_gpu(0, mig_devices=(mig(0), mig(4), mig(5, **two))),
        mig_gpu(1, 0),
        mig_gpu(2, mig_devices=(mig(6), mig(9, **two))),
    )
    assert [
        (
            offered.name,
            *(tuple(device.index for device in group) for group in (offered.gpus, offered.mig_devices)),
        )
        for offered in STRATEGIES[strategy](gpus, choose_model(gpus), UNSHARED)
    ] == expected


def test_devices_of_single() -> None:
    gpus = (mig_gpu(0, 2), mig_gpu(1, 1))
    (offered,) = STRATEGIES["single"](gpus, choose_model(gpus), UNSHARED)
    assert offered.gpus == gpus
    assert offered.mig_devices == (*(gpus[0].mig_devices or ()), *(gpus[1].mig_devices or ()))


def test_unknown_memory_and_capability() -> None:
    (resource,) = offer("none", gpu(memory_bytes=None, compute_capability=(0, 7)))
    assert resource == FULL._replace(memory_mib=None, family=None, compute_major=None, compute_minor=None)


@pytest.mark.parametrize("capability", [(-1, 0), (8, -1), (-8, -1), (0, 0)])
def test_invalid_capability(capability: tuple[int, int]) -> None:
    (resource,) = offer("none", gpu(compute_capability=capability))
    assert resource == FULL._replace(family=None, compute_major=None, compute_minor=None)


@pytest.mark.parametrize(
    ("gpus", "memory_mib"),
    [
        pytest.param((gpu(0), gpu(1, memory_bytes=None)), None, id="the last full one stands for all"),
        pytest.param((gpu(0, memory_bytes=None), gpu(1)), 40536, id="whatever the others say"),
        pytest.param((mig_gpu(0), mig_gpu(1, memory_bytes=None)), None, id="or the last one in MIG mode"),
        pytest.param((gpu(0), mig_gpu(1, memory_bytes=None)), 40536, id="a full one before one in MIG mode"),
        pytest.param((gpu(0, memory_bytes=None), mig_gpu(1)), 40536, id="one in MIG mode after a full one"),
        pytest.param((gpu(0, memory_bytes=-(2**30)),), None, id="less than nothing"),
    ],
)
def test_choice_of_the_memory(gpus: tuple[Gpu, ...], memory_mib: int | None) -> None:
    (resource,) = offer("none", *gpus)
    assert (resource.count, resource.memory_mib) == (len(gpus), memory_mib)


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
        (11, 0, "blackwell"),
        (12, 1, "blackwell"),
        (13, 0, "rubin"),
    ],
)
def test_families(major: int, minor: int, family: str) -> None:
    assert find_family(major, minor) == family
