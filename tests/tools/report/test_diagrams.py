from __future__ import annotations

from collections.abc import Iterable

import pytest

from gfd.inventory.model import Gpu, MigDevice, Placement
from gfd.simulation import machines
from gfd.tools.report.diagrams import Diagram, Segment, draw_devices, draw_gpus
from tests import make

ALL_ROOM = "room for more MIG instances: 7 of 7 compute and 8 of 8 memory slices are free"
NO_ROOM = "no room for another MIG instance"
MARKS = {"free": ".", "unusable": "-"}


def draw(gpu: Gpu) -> Diagram:
    (diagram,) = draw_gpus([gpu])
    return diagram


def read(machine: str, layout: str) -> Gpu:
    return machines.read(machine, layout).gpus[0]


def rows(diagram: Diagram) -> list[str]:
    """Return the diagram as text: a taken segment by its slices, free a dot, unusable a dash."""
    lines = [[" "] * diagram.columns for _ in diagram.rows]
    for each in diagram.segments:
        assert each.start is not None
        for place in range(each.start, each.start + each.span):
            assert lines[each.row][place] == " "
            lines[each.row][place] = MARKS.get(each.state, str(each.slices))
    return ["".join(line).rstrip() for line in lines]


@pytest.mark.parametrize(
    ("machine", "layout", "compute", "memory", "free"),
    [
        ("mig-doc", "all-1g.5gb", "1111111", "1111111.", NO_ROOM),
        ("mig-doc", "all-balanced", "2211333", "22113333", NO_ROOM),
        ("mig-doc", "all-3g.20gb", "333-333", "33333333", NO_ROOM),
        ("mig-doc", "all-1g.10gb", "1-1-1-1", "11111111", NO_ROOM),
        ("mig-doc", "all-7g.40gb", "7777777", "77777777", NO_ROOM),
        (
            "mig-doc",
            "all-enabled",
            ".......",
            "........",
            ALL_ROOM,
        ),
        ("a30", "all-2g.12gb", "2222", "2222", NO_ROOM),
    ],
)
def test_a_divided_gpu(machine: str, layout: str, compute: str, memory: str, free: str) -> None:
    gpu = read(machine, layout)
    diagram = draw(gpu)
    assert diagram.rows == ("compute", "memory")
    assert rows(diagram) == [compute, memory]
    assert diagram.caption == f"GPU 0: {gpu.name}; {free}"


def test_complete_diagrams() -> None:
    assert draw(read("mig-doc", "all-3g.20gb")) == Diagram(
        caption="GPU 0: A100-PCIE-40GB; no room for another MIG instance",
        words="3g.20gb in memory slices 0 to 3; 3g.20gb in memory slices 4 to 7",
        rows=("compute", "memory"),
        columns=8,
        segments=(
            Segment(state="taken", start=0, span=3, slices=3),
            Segment(state="unusable", start=3),
            Segment(state="taken", start=4, span=3, slices=3),
            Segment(state="taken", row=1, start=0, span=4, slices=3, text="3g.20gb"),
            Segment(state="taken", row=1, start=4, span=4, slices=3, text="3g.20gb"),
        ),
    )
    empty = draw(read("mig-doc", "all-enabled"))
    assert (empty.words, {each.state for each in empty.segments}) == ("no MIG instance", {"free"})


def shared(*compute_slices: int) -> tuple[MigDevice, ...]:
    """Return the MIG devices of a 3g.20gb at memory slice 4, by their compute slices."""
    return tuple(
        make.mig(
            number,
            profile=f"{slices}c.3g.20gb",
            gi_id=2,
            ci_id=number,
            gi_slices=3,
            ci_slices=slices,
            placement=Placement(start=4, size=4),
        )
        for number, slices in enumerate(compute_slices)
    )


def test_small_compute_instances() -> None:
    diagram = draw(read("mig-doc", "all-enabled")._replace(mig_devices=shared(1, 1)))
    assert [each for each in diagram.segments if each.start and each.start >= 4] == [
        Segment(state="taken", start=4, slices=3, text="1c"),
        Segment(state="taken", start=5, slices=3, text="1c"),
        Segment(state="free", start=6, slices=3),
        Segment(state="taken", row=1, start=4, span=4, slices=3, text="3g.20gb"),
    ]
    assert diagram.caption == (
        "GPU 0: A100-PCIE-40GB; room for more MIG instances: 4 of 7 compute and 4 of 8 memory slices are free"
    )
    assert diagram.words == "3g.20gb in memory slices 4 to 7, with 1c.3g.20gb, 1c.3g.20gb"


def test_unknown_positions() -> None:
    enabled = read("mig-doc", "all-enabled")
    name = "GPU 0: A100-PCIE-40GB"
    unmapped = draw(enabled._replace(mig_devices=(make.mig(3, profile=None),)))
    assert unmapped.caption == (
        f"{name}; room for more MIG instances: at most 7 of 7 compute and 8 of 8 memory slices are free; "
        "not drawn, position unknown: MIG device 3, unknown profile"
    )
    unknown = (make.mig(0, profile=None, gi_id=1, placement=Placement(start=0, size=1)),)
    assert draw(enabled._replace(mig_devices=unknown)).words == "unknown in memory slice 0"
    lost = enabled._replace(mig_devices=None, failures=(make.failure("mig_devices"),))
    reason = "nvmlSomething on GPU 0 failed: GPU is lost (NVML error 15)"
    assert draw(lost) == Diagram(caption=f"{name}, in MIG mode; not drawn: {reason}")
    without = enabled._replace(profiles=(), mig_devices=(make.mig(0), make.mig(1)))
    reason = "the number of its slices is unknown; MIG device 0, 1g.5gb; MIG device 1, 1g.5gb"
    assert draw(without) == Diagram(caption=f"{name}, in MIG mode; not drawn: {reason}")
    bomb = enabled._replace(profiles=(enabled.profiles[0]._replace(slices=10**12),))
    assert draw(bomb).segments == ()


def captions(gpus: Iterable[Gpu]) -> list[str]:
    return [diagram.caption for diagram in draw_gpus(list(gpus))]


def test_gpus_without_mig_share_a_diagram() -> None:
    (diagram,) = draw_gpus([make.gpu(index) for index in range(9)])
    assert diagram == Diagram(
        caption="GPUs 0 to 8: A100-PCIE-40GB, without MIG",
        columns=8,
        segments=tuple(Segment(state="present", text=f"GPU {index}") for index in range(9)),
    )
    assert captions([]) == []
    assert captions(make.gpu(index) for index in (1, 0)) == ["GPUs 1, 0: A100-PCIE-40GB, without MIG"]
    assert captions([make.gpu(0, name="T4"), make.gpu(1), read("a30", "all-enabled")]) == [
        "GPU 0: T4, without MIG",
        "GPU 1: A100-PCIE-40GB, without MIG",
        "GPU 0: NVIDIA A30; room for more MIG instances: 4 of 4 compute and 4 of 4 memory slices are free",
    ]


def test_devices_of_a_node() -> None:
    assert draw_devices("nvidia.com/mig-3g.20gb", 2, 1, "3g.20gb") == Diagram(
        caption="1 of 2 nvidia.com/mig-3g.20gb free",
        columns=8,
        segments=(
            Segment(state="taken", span=3, slices=3, text="3g.20gb"),
            Segment(state="free", span=3, slices=3, text="3g.20gb"),
        ),
    )
    assert draw_devices("nvidia.com/gpu", 1, None) == Diagram(
        caption="1 × nvidia.com/gpu",  # noqa: RUF001
        columns=8,
        segments=(Segment(state="present"),),
    )
    assert draw_devices("nvidia.com/gpu", 2, 3).caption == "0 of 2 nvidia.com/gpu free"
    assert draw_devices("nvidia.com/gpu", 8000, 3) == Diagram(caption="7997 of 8000 nvidia.com/gpu free")


@pytest.mark.parametrize(
    ("profile", "span", "slices"),
    [("1g.5gb", 1, 1), ("1c.3g.20gb", 1, 1), ("7g.40gb", 7, 7), ("9g.1tb", 1, 0), ("", 1, 0), ("x", 1, 0)],
)
def test_a_device_is_as_wide_as_its_compute_slices(profile: str, span: int, slices: int) -> None:
    (segment,) = draw_devices("r", 1, None, profile).segments
    assert segment == Segment(state="present", span=span, slices=slices, text=profile)
