from __future__ import annotations

from typing import Any

import pytest

from gfd.inventory.model import Gpu, MigDevice, Placement
from gfd.simulation import machines
from gfd.tools.geometry import ComputeSlices, InstanceSlices, Slice, map_slices
from tests.make import gpu, mig

PROFILES = machines.read("mig-doc").gpus[0].profiles


def place(
    index: int, profile: str | None, slices: int, start: int, size: int, *, ci: int = 0, **fields: Any
) -> MigDevice:
    """Return a MIG device with ``slices`` compute slices; its GPU instance has the id 10 + ``start``."""
    return mig(
        index,
        **{
            "profile": profile,
            "gi_slices": slices,
            "ci_slices": slices,
            "gi_id": 10 + start,
            "ci_id": ci,
            "placement": Placement(start=start, size=size),
            **fields,
        },
    )


def divided(*devices: MigDevice, **fields: Any) -> Gpu:
    return gpu(**{"is_mig_enabled": True, "profiles": PROFILES, "mig_devices": devices, **fields})


def rows(gpu: Gpu) -> tuple[str, str]:
    """Return compute and memory slices by the number of their instance; free is a dot."""
    layout = map_slices(gpu)
    assert layout is not None

    def show(each: Slice) -> str:
        return "-" if each.is_unusable else "." if each.is_free else str(each.instance)

    compute, memory = ("".join(map(show, row)) for row in (layout.compute, layout.memory))
    return compute, memory


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        ("all-1g.5gb", ("0123456", "0123456.")),
        ("all-1g.10gb", ("0-1-2-3", "00112233")),
        ("all-2g.10gb", ("001122.", "001122..")),
        ("all-3g.20gb", ("000-111", "00001111")),
        ("all-4g.20gb", ("0000...", "0000....")),
        ("all-7g.40gb", ("0000000", "00000000")),
        ("all-1g.5gb.me", None),
        ("all-enabled", (".......", "........")),
        ("all-balanced", ("0012333", "00123333")),
    ],
)
def test_slices_of_each_layout(layout: str, expected: tuple[str, str] | None) -> None:
    (found,) = machines.read("mig-doc", layout).gpus
    compute, memory = rows(found)
    if expected is None:
        # The simulation may place it at any start of a 1g.
        expected = compute, memory
        assert sorted(compute) == sorted("0......")
        assert compute.index("0") == memory.index("0")
    assert (compute, memory) == expected


def test_a_gpu_of_four_slices() -> None:
    assert rows(machines.read("a30", "all-2g.12gb").gpus[0]) == ("0011", "0011")


def test_no_slice_map_without_mig() -> None:
    assert map_slices(gpu(is_mig_capable=False)) is None
    assert map_slices(gpu(profiles=PROFILES)) is None
    assert map_slices(divided(mig_devices=None)) is None
    assert map_slices(divided(profiles=())) is None
    assert map_slices(divided(profiles=(PROFILES[0]._replace(slices=10**12),))) is None


def test_compute_instances_share_a_gpu_instance() -> None:
    layout = map_slices(
        divided(
            place(4, "1c.3g.20gb", 3, 4, 4, ci=1, ci_slices=1),
            place(1, "1c.3g.20gb", 3, 4, 4, ci=0, ci_slices=1),
        )
    )
    assert layout is not None
    (instance,) = layout.instances
    assert instance == InstanceSlices(
        id=14,
        profile="3g.20gb",
        start=4,
        size=4,
        slices=3,
        compute=(
            ComputeSlices(device=1, profile="1c.3g.20gb", slices=1),
            ComputeSlices(device=4, profile="1c.3g.20gb", slices=1),
        ),
    )
    assert instance.is_shared
    assert [each.compute for each in layout.compute] == [None, None, None, None, 0, 1, None]
    assert [each.instance for each in layout.compute] == [None] * 4 + [0] * 3
    assert [each.compute for each in layout.memory] == [None] * 8


@pytest.mark.parametrize(
    "lost",
    [
        {"placement": None},
        {"gi_id": None},
        {"gi_slices": None},
        {"placement": Placement(start=0, size=4)},  # taken by another instance
        {"placement": Placement(start=6, size=4)},  # beyond the end
        {"placement": Placement(start=-1, size=4)},
        {"placement": Placement(start=4, size=0)},
        {"placement": Placement(start=6, size=2)},  # too few compute slices
        {"gi_slices": 5},
        {"gi_slices": -1},
    ],
)
def test_devices_without_a_position(lost: dict[str, Any]) -> None:
    lies, lacks = place(0, "3g.20gb", 3, 0, 4), place(1, "3g.20gb", 3, 4, 4, **lost)
    layout = map_slices(divided(lies, lacks))
    assert layout is not None
    assert layout.unmapped == (lacks,)
    assert rows(divided(lies, lacks)) == ("000-...", "0000....")


def test_the_order_of_devices_does_not_matter() -> None:
    (found,) = machines.read("mig-doc", "all-balanced").gpus
    assert found.mig_devices
    turned = found._replace(mig_devices=found.mig_devices[::-1])
    assert map_slices(turned) == map_slices(found)


def test_impossible_compute_instances() -> None:
    greedy = place(0, "3g.20gb", 3, 0, 4, ci_slices=9)
    assert rows(divided(greedy)) == ("000-...", "0000....")
    unknown = place(0, None, 3, 0, 4, ci_slices=None)
    layout = map_slices(divided(unknown))
    assert layout is not None
    assert layout.instances[0].profile == "unknown"
