"""MIG devices for a layout: placements, ids and errors."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.inventory.model import Engines, MigDevice, MigProfile, Placement
from gfd.simulation.file import load
from gfd.simulation.machines import MODELS
from gfd.simulation.mig_devices import CI_SLICES, create_mig_devices
from gfd.simulation.models import read_geometry
from gfd.simulation.placement import DoesNotFitError, Geometry, GpuInstance, Offer, place_instances

TIMES = "\N{MULTIPLICATION SIGN}"
TABLES = {
    "a100-40gb": 42_949_672_960,
    "a100-80gb": 85_899_345_920,
    "a30": 25_769_803_776,
    "h100-80gb": 85_520_809_984,
    "h200-141gb": 150_754_820_096,
    "b200-180gb": 192_264_929_280,
}


@cache
def geometry_of(table: str) -> Geometry:
    return read_geometry(load(MODELS).field("mig").field(table), TABLES[table])


def divide(table: str, *wanted: tuple[str, int]) -> tuple[MigDevice, ...]:
    return create_mig_devices(geometry_of(table), wanted, gpu_uuid="GPU-test", memory_bytes=TABLES[table])


def places(devices: tuple[MigDevice, ...]) -> list[tuple[str | None, int | None, int, int]]:
    return [
        (device.profile, device.gi_id, device.placement.start, device.placement.size)
        for device in devices
        if device.placement
    ]


def test_seven_1g_as_the_mig_document_lists_them() -> None:
    devices = divide("a100-40gb", ("1g.5gb", 7))
    assert places(devices) == [("1g.5gb", 7 + start, start, 1) for start in range(7)]
    assert [device.index for device in devices] == list(range(7))
    assert {device.ci_id for device in devices} == {0}


def test_one_device_in_full() -> None:
    (device,) = divide("a100-40gb", ("1g.5gb+me", 1))
    assert device.uuid is not None
    assert device == MigDevice(
        index=0,
        uuid=device.uuid,
        gi_id=13,
        ci_id=0,
        placement=Placement(start=6, size=1),
        profile="1g.5gb.me",
        gi_slices=1,
        ci_slices=1,
        memory_mib=4864,
        multiprocessors=14,
        engines=Engines(copy=1, decoder=1, encoder=0, jpeg=1, ofa=1),
    )
    assert device.uuid.startswith("MIG-")


@pytest.mark.parametrize(
    ("table", "wanted", "expected"),
    [
        ("a100-40gb", [("7g.40gb", 1)], [("7g.40gb", 0, 0, 8)]),
        ("a100-40gb", [("3g.20gb", 2)], [("3g.20gb", 1, 0, 4), ("3g.20gb", 2, 4, 4)]),
        ("a100-40gb", [("2g.10gb", 3)], [("2g.10gb", 3, 0, 2), ("2g.10gb", 4, 2, 2), ("2g.10gb", 5, 4, 2)]),
        # NVIDIA's guide: -cgi 19,14,5 gives the ids 13, 5 and 1.
        (
            "a100-40gb",
            [("1g.5gb", 1), ("2g.10gb", 1), ("4g.20gb", 1)],
            [("4g.20gb", 1, 0, 4), ("2g.10gb", 5, 4, 2), ("1g.5gb", 13, 6, 1)],
        ),
        # NVIDIA's guide: 2-1-1-1-1-1.
        (
            "a100-40gb",
            [("2g.10gb", 1), ("1g.5gb", 5)],
            [
                ("2g.10gb", 5, 4, 2),
                ("1g.5gb", 7, 0, 1),
                ("1g.5gb", 8, 1, 1),
                ("1g.5gb", 9, 2, 1),
                ("1g.5gb", 10, 3, 1),
                ("1g.5gb", 13, 6, 1),
            ],
        ),
        ("a30", [("1g.6gb", 4)], [("1g.6gb", 3 + start, start, 1) for start in range(4)]),
        ("a30", [("2g.12gb", 2)], [("2g.12gb", 1, 0, 2), ("2g.12gb", 2, 2, 2)]),
        ("a30", [("4g.24gb", 1)], [("4g.24gb", 0, 0, 4)]),
        ("h200-141gb", [("1g.35gb", 4)], [("1g.35gb", 3 + start // 2, start, 2) for start in (0, 2, 4, 6)]),
        ("h100-80gb", [("3g.40gb", 1), ("4g.40gb", 1)], [("4g.40gb", 1, 0, 4), ("3g.40gb", 2, 4, 4)]),
        ("h100-80gb", [], []),
    ],
)
def test_placements(
    table: str, wanted: list[tuple[str, int]], expected: list[tuple[str, int, int, int]]
) -> None:
    assert places(divide(table, *wanted)) == expected


def test_backtracking() -> None:
    choosy = Offer(profile=profile("2g.10gb", 1, slices=2), size=2, starts=(0, 2))
    stubborn = Offer(profile=profile("2g.10gb+me", 8, slices=2), size=2, starts=(0,))
    geometry = Geometry(memory_slices=4, compute_slices=4, offers=(choosy, stubborn))
    wanted = [GpuInstance(offer=stubborn, ci_slices=(2,)), GpuInstance(offer=choosy, ci_slices=(2,))]
    assert [(i.offer.profile.name, i.start) for i in place_instances(geometry, wanted)] == [
        ("2g.10gb", 2),
        ("2g.10gb+me", 0),
    ]


def test_free_slices_without_a_start_do_not_fit() -> None:
    stubborn = Offer(profile=profile("2g.10gb", 1, slices=2), size=2, starts=(0,))
    geometry = Geometry(memory_slices=4, compute_slices=4, offers=(stubborn,))
    with pytest.raises(DoesNotFitError, match=r"2g\.10gb use 2 of 4 memory slices; no room for 2g\.10gb$"):
        place_instances(geometry, [GpuInstance(offer=stubborn, ci_slices=(2,))] * 2)


def profile(name: str, enum: int, *, slices: int) -> MigProfile:
    engines = Engines(copy=1, decoder=0, encoder=0, jpeg=0, ofa=0)
    return MigProfile(
        name=name,
        enum=enum,
        id=enum,
        slices=slices,
        max_instances=7,
        memory_mib=1,
        multiprocessors=14,
        engines=engines,
    )


def test_compute_instances_share_a_gpu_instance() -> None:
    devices = divide("h100-80gb", ("1c.3g.40gb", 2), ("2c.3g.40gb", 1))
    assert [(d.gi_id, d.ci_id, d.profile, d.gi_slices, d.ci_slices) for d in devices] == [
        (1, 0, "2c.3g.40gb", 3, 2),
        (2, 0, "1c.3g.40gb", 3, 1),
        (2, 1, "1c.3g.40gb", 3, 1),
    ]
    assert {device.memory_mib for device in devices} == {40448}
    assert {device.engines for device in devices} == {Engines(copy=3, decoder=3, encoder=0, jpeg=3, ofa=0)}
    assert [device.multiprocessors for device in devices] == [32, 16, 16]


def test_three_small_compute_instances_fill_one_gpu_instance() -> None:
    devices = divide("a100-40gb", ("1c.3g.20gb", 4))
    assert [(d.gi_id, d.ci_id, d.multiprocessors) for d in devices] == [
        (1, 0, 14),
        (2, 0, 14),
        (2, 1, 14),
        (2, 2, 14),
    ]
    assert len({device.uuid for device in devices}) == 4


@pytest.mark.parametrize(
    ("table", "wanted", "reason"),
    [
        (
            "a100-40gb",
            [("3g.20gb", 2), ("1g.5gb", 1)],
            f"2 {TIMES} 3g.20gb use all 8 memory slices; no room for 1g.5gb",
        ),
        (
            "a100-40gb",
            [("1g.10gb", 3), ("1g.5gb", 3)],
            f"3 {TIMES} 1g.10gb, 2 {TIMES} 1g.5gb use all 8 memory slices; no room for 1g.5gb",
        ),
        ("a100-40gb", [("4g.20gb", 2)], f"2 {TIMES} 4g.20gb is too many; at most 1 fit"),
        ("a100-40gb", [("4g.20gb", 1), ("2c.4g.20gb", 1)], f"2 {TIMES} 4g.20gb is too many; at most 1 fit"),
        (
            "a100-40gb",
            [("4g.20gb", 1), ("3g.20gb", 1), ("1g.5gb", 1)],
            f"1 {TIMES} 4g.20gb, 1 {TIMES} 3g.20gb, 1 {TIMES} 1g.5gb need 8 compute slices; the GPU has 7",
        ),
        (
            "a30",
            [("2g.12gb+me", 1), ("1g.6gb+me", 1)],
            f"1 {TIMES} 2g.12gb+me, 1 {TIMES} 1g.6gb+me need 2 jpeg engines; the GPU has 1",
        ),
        (
            "a30",
            [("7g.40gb", 1)],
            "the GPU does not support 7g.40gb; it supports 1g.6gb, 2g.12gb, 4g.24gb, 1g.6gb+me, 2g.12gb+me",
        ),
        (
            "a30",
            [("xc.2g.12gb", 1)],
            (
                "the GPU does not support xc.2g.12gb; "
                "it supports 1g.6gb, 2g.12gb, 4g.24gb, 1g.6gb+me, 2g.12gb+me"
            ),
        ),
        ("a100-40gb", [("3c.4g.20gb", 1)], "4g.20gb has no compute instance with 3 slices"),
        ("a100-40gb", [("2c.1g.5gb", 1)], "1g.5gb has no compute instance with 2 slices"),
    ],
)
def test_errors_give_the_reason(table: str, wanted: list[tuple[str, int]], reason: str) -> None:
    with pytest.raises(DoesNotFitError) as caught:
        divide(table, *wanted)
    assert str(caught.value) == reason


@pytest.mark.parametrize("table", TABLES)
def test_every_profile_fits_max_instances_times(table: str) -> None:
    for offer in geometry_of(table).offers:
        assert len(divide(table, (offer.profile.name, offer.profile.max_instances))) == (
            offer.profile.max_instances
        )


@st.composite
def layouts(draw: st.DrawFn) -> tuple[str, list[tuple[str, int]]]:
    table = draw(st.sampled_from(sorted(TABLES)))
    names = []
    for offer in geometry_of(table).offers:
        for ci_slices in CI_SLICES[offer.profile.slices]:
            led = "" if ci_slices == offer.profile.slices else f"{ci_slices}c."
            names.append(led + offer.profile.name)
    wanted = draw(st.lists(st.tuples(st.sampled_from(names), st.integers(0, 3)), max_size=4))
    return table, wanted


@given(layouts())
def test_placements_respect_all_limits(layout: tuple[str, list[tuple[str, int]]]) -> None:
    table, wanted = layout
    geometry = geometry_of(table)
    offers = {offer.profile.name.replace("+", "."): offer for offer in geometry.offers}
    try:
        devices = divide(table, *wanted)
    except DoesNotFitError as error:
        assert str(error)  # noqa: PT017 - refusing is as good as accepting, but not without a reason
        return
    assert len(devices) == sum(number for _, number in wanted)
    assert [device.index for device in devices] == list(range(len(devices)))
    ids = [(device.gi_id, device.ci_id) for device in devices]
    assert ids == sorted(set(ids), key=lambda pair: (pair[0] or 0, pair[1] or 0))
    instances = {device.gi_id: device for device in devices}
    taken: list[int] = []
    used: dict[str, int] = {}
    for device in instances.values():
        assert device.profile is not None
        assert device.placement is not None
        name = device.profile.rpartition("c.")[2]
        offer = offers[name]
        assert device.placement.start in offer.starts
        assert device.placement.size == offer.size
        taken += range(device.placement.start, device.placement.start + device.placement.size)
        used[name] = used.get(name, 0) + 1
        assert used[name] <= offer.profile.max_instances
    assert len(taken) == len(set(taken))
    assert all(slot < geometry.memory_slices for slot in taken)
    assert sum(device.gi_slices or 0 for device in instances.values()) <= geometry.compute_slices
    assert sum(device.engines.ofa for device in instances.values() if device.engines) <= 1
    for gi_id, instance in instances.items():
        inside = [device.ci_slices or 0 for device in devices if device.gi_id == gi_id]
        assert sum(inside) <= (instance.gi_slices or 0)
