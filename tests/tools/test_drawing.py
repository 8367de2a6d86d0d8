from __future__ import annotations

import re
from pathlib import Path

import pytest

from gfd import cli
from gfd.errors import ConfigError
from gfd.inventory import snapshot
from gfd.inventory.model import FailedGpu
from gfd.simulation import machines
from gfd.tools.drawing import draw, draw_inventory, draw_layout
from tests.cli import DOC
from tests.make import failure, gpu, inventory
from tests.tools.test_geometry import divided, place

pytestmark = pytest.mark.whole

MIXED = divided(
    place(0, "3g.20gb", 3, 4, 4),
    place(1, "1c.3g.20gb", 3, 0, 4, ci=0, ci_slices=1),
    place(2, "1c.3g.20gb", 3, 0, 4, ci=1, ci_slices=1),
)
DRAWN = """\
GPU 0  A100-PCIE-40GB  MIG on
compute | A0  A1  A.| - | B   B   B |
memory  | A   A   A   A | B   B   B   B |
A   3g.20gb  GPU instance 10
A0  1c.3g.20gb  MIG device 1
A1  1c.3g.20gb  MIG device 2
B   3g.20gb  GPU instance 14, MIG device 0
free: 0 compute, 0 memory slices
-   unusable: the memory below it is taken
"""


def test_a_divided_gpu() -> None:
    assert draw(MIXED) == DRAWN


def test_free_slices() -> None:
    assert draw(divided(place(0, "2g.10gb", 2, 2, 2))) == (
        "GPU 0  A100-PCIE-40GB  MIG on\n"
        "compute | .   . | A   A | .   .   . |\n"
        "memory  | .   . | A   A | .   .   .   . |\n"
        "A   2g.10gb  GPU instance 12, MIG device 0\n"
        "free: 5 compute, 6 memory slices\n"
    )


def test_colours_change_nothing_else() -> None:
    drawn = draw(MIXED, is_coloured=True)
    assert "\x1b[32m A0\x1b[0m" in drawn
    assert re.sub(r"\x1b\[[0-9]+m", "", drawn) == DRAWN


def test_a_narrow_terminal() -> None:
    wide = draw(MIXED, width=41)
    assert wide == DRAWN.replace("taken\n", "tak…\n").replace(", MIG device 0\n", ", MIG device…\n")
    narrow = draw(MIXED, width=25)
    assert narrow.splitlines()[:4] == [
        "GPU 0  A100-PCIE-40GB  M…",
        "compute |A A A|-|B B B|",
        "memory  |A A A A|B B B B|",
        "A   3g.20gb  GPU instanc…",
    ]
    assert max(map(len, narrow.splitlines())) == 25
    assert draw(MIXED, width=1).splitlines()[0] == "…"


def test_what_is_not_drawn() -> None:
    assert draw(gpu(is_mig_capable=False, name="Tesla\x1b[2J")) == "GPU 0  Tesla\\x1b[2J  no MIG\n"
    assert draw(gpu()) == "GPU 0  A100-PCIE-40GB  MIG off\n"
    lost = divided(mig_devices=None, failures=(failure("mig_devices"),))
    assert draw(lost).splitlines()[1:] == [
        "not drawn: nvmlSomething on GPU 0 failed: GPU is lost (NVML error 15)"
    ]
    bare = divided(place(3, None, 3, 4, 4), profiles=())
    assert draw(bare).splitlines()[1:] == [
        "not drawn: the number of its slices is unknown",
        "MIG device 3, unknown profile",
    ]
    unmapped = draw(divided(place(3, "3g.20gb", 3, 4, 4, placement=None)))
    assert unmapped.splitlines()[3:] == [
        "free: at most 7 compute, 8 memory slices",
        "not drawn, position unknown: MIG device 3, 3g.20gb",
    ]


def test_a_node() -> None:
    assert draw_inventory(inventory()) == "no GPU\n"
    off = "GPU {}  A100-PCIE-40GB  MIG off\n"
    failed = FailedGpu(index=2, failure=failure("name", "GPU 2"))
    said = "GPU 2 is left out: nvmlSomething on GPU 2 failed: GPU is lost (NVML error 15)\n"
    node = inventory(gpu(0), gpu(1), failed_gpus=(failed,))
    assert draw_inventory(node) == off.format(0) + off.format(1) + said
    assert draw_inventory(inventory(MIXED, gpu(1))) == f"{DRAWN}\n{off.format(1)}"


@pytest.mark.parametrize("machine", machines.list_names())
def test_every_machine_is_drawn(machine: str) -> None:
    for layout in (None, "all-enabled", "all-1g.10gb"):
        try:
            node = machines.read(machine, layout)
        except ConfigError:  # a GPU without MIG or without that profile
            continue
        drawn = draw_inventory(node, width=60)
        assert drawn.replace("…", "").isascii()  # where a long name is cut
        assert max(map(len, drawn.splitlines())) <= 60


def test_mig_devices_from_labels() -> None:
    mixed = {
        "nvidia.com/gpu.count": "1",
        "nvidia.com/mig-1g.5gb.count": "2",
        "nvidia.com/mig-1g.5gb.slices.ci": "1",
        "nvidia.com/mig-3g.20gb.count": "1",
        "nvidia.com/mig-3g.20gb.slices.ci": "3",
        "nvidia.com/mig-x.count": "many",
    }
    assert draw_layout(mixed) == ("1g.5gb    2  [=][=]\n3g.20gb   1  [=======]\nx         0\n")
    single = {
        "nvidia.com/gpu.product": "A100-PCIE-40GB-MIG-1g.5gb-SHARED",
        "nvidia.com/gpu.count": "7",
        "nvidia.com/gpu.slices.ci": "1",
    }
    assert draw_layout(single) == "1g.5gb   7  [=][=][=][=][=][=][=]\n"
    assert draw_layout(single, width=20) == "1g.5gb   7  [=][=][…\n"
    assert draw_layout(single | {"nvidia.com/gpu.count": "999999"}) == "1g.5gb  999999\n"
    hostile = {"nvidia.com/mig-\x1b[2J.count": "1", "nvidia.com/mig-\x1b[2J.slices.ci": "900"}
    assert draw_layout(hostile) == "\\x1b[2J   1  [===================]\n"
    for product in ("A100-MIG-INVALID", "A100", ""):
        assert draw_layout({"nvidia.com/gpu.product": product, "nvidia.com/gpu.count": "1"}) == ""
    assert draw_layout({}) == ""


class Dump:
    """gfd dump in this process: standard output and standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *argv: str) -> tuple[str, str]:
        assert cli.run(("dump", *argv), {}) == 0
        return self.capsys.readouterr()


@pytest.fixture
def dump(capsys: pytest.CaptureFixture[str]) -> Dump:
    return Dump(capsys)


def test_dump_draws(dump: Dump, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = draw_inventory(machines.read("mig-doc", "all-1g.5gb"))
    labels, _ = dump(*DOC)
    assert dump(*DOC, "--draw") == (labels, drawn)
    assert dump(*DOC, "--draw", "-o", "json") == (dump(*DOC, "-o", "json")[0], drawn)
    table, _ = dump(*DOC, "-o", "table")
    assert dump(*DOC, "--draw", "-o", "table") == (f"{table}\n{drawn}", "")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert dump(*DOC, "--draw")[0].endswith(f"\n\n{drawn}")


def test_dump_draws_a_snapshot(dump: Dump, tmp_path: Path) -> None:
    node = machines.read("a30", "all-2g.12gb")
    (tmp_path / "node.yaml").write_text(snapshot.to_yaml(node))
    assert dump("--inventory", str(tmp_path / "node.yaml"), "--draw")[1] == draw_inventory(node)


def test_the_drawing_matches_the_inventory() -> None:
    (found,) = machines.read("mig-doc", "all-1g.5gb").gpus
    assert draw(found) != draw(found._replace(mig_devices=()))
