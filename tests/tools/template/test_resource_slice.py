"""The ResourceSlices of a machine: byte for byte for some, read back for all."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from gfd.clusterview.dra.device_counts import count_devices
from gfd.clusterview.dra.index import index_objects
from gfd.clusterview.dra.model import Version
from gfd.clusterview.dra.nvidia_slices import MAX_DEVICES, make_slices
from gfd.clusterview.dra.slices import read_slice
from gfd.errors import GfdError
from gfd.inventory.model import Gpu, Inventory
from gfd.kube.paths import DRA_DRIVER
from gfd.simulation import machines
from tests.cli import Gfd
from tests.test_golden import layouts, read
from tests.tools import goldens
from tests.tools.make import node, write

DEVICE_NAME = re.compile(r"gpu-[0-9]+(-mig-[0-9]g[0-9]+gb(-me)?-[0-9]+-[0-9])?|gpu-vfio-[0-9]+")


@pytest.mark.whole
@pytest.mark.parametrize(
    ("machine", "layout"),
    [
        ("h100", "all-balanced"),
        ("h100", "all-1g.10gb.me"),
        ("mixed-models", "all-1g.6gb"),
        ("dgx-spark", ""),
        ("a10-vfio", ""),
    ],
)
def test_slices_byte_for_byte(gfd: Gfd, request: pytest.FixtureRequest, machine: str, layout: str) -> None:
    words = ("--mig", layout) if layout else ()
    code, out, err = gfd("template", "-o", "resourceslice", "--simulate", machine, *words, "--name", "gpu-1")
    assert (code, err) == (0, "")
    goldens.check(request, f"slices-{machine}{f'-{layout}' if layout else ''}", out)


@pytest.mark.parametrize("machine", machines.list_names())
def test_slices_hold_the_devices_of_the_machine(machine: str) -> None:
    for layout in layouts(machine):
        inventory = read(machine, layout)
        if any(gpu.uuid is None for gpu in inventory.gpus) and inventory.discovery != "vfio":
            with pytest.raises(GfdError, match="has no UUID, and NVIDIA's DRA driver publishes only"):
                make_slices(inventory, "n")
            continue
        slices = list(map(read_slice, make_slices(inventory, "n")))
        assert all(len(each.devices) <= MAX_DEVICES for each in slices)
        pools = index_objects(DRA_DRIVER, slices, ()).find("n")
        if not inventory.gpus:
            assert (slices, pools) == ([], None)
            continue
        assert pools is not None
        assert not pools.problems
        expected: dict[str, int] = {}
        for kind in list_kinds(inventory):
            expected[kind] = expected.get(kind, 0) + 1
        assert {kind: each.free for kind, each in count_devices(pools).items()} == expected
        for device in pools.devices:
            assert DEVICE_NAME.fullmatch(device.id.device)
            for version in device.attributes.values():
                assert not isinstance(version, Version) or re.fullmatch(
                    r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}", version.text
                )


def list_kinds(inventory: Inventory) -> list[str]:
    if inventory.discovery == "vfio":
        return ["vfio.gpu.nvidia.com" for _ in inventory.gpus]
    kinds = []
    for gpu in inventory.gpus:
        migs = [f"mig.nvidia.com/{each.profile}".replace(".me", "+me") for each in gpu.mig_devices or ()]
        kinds += migs if gpu.is_mig_enabled else [DRA_DRIVER]
    return kinds


def test_many_devices_need_several_slices() -> None:
    gpus = tuple(Gpu(index=number, name="x", uuid=f"GPU-{number}") for number in range(130))
    slices = list(map(read_slice, make_slices(Inventory(gpus=gpus), "n")))
    assert [len(each.devices) for each in slices] == [128, 2]
    pools = index_objects(DRA_DRIVER, slices, ()).find("n")
    assert pools is not None
    assert len(pools.devices) == 130


@pytest.mark.whole
def test_what_is_unknown_is_left_out_and_said(gfd: Gfd) -> None:
    code, out, err = gfd("template", "-o", "resourceslice", "--simulate", "g6.xlarge")
    assert code == 0
    assert "ersion" not in "".join(yaml.safe_load(out)["spec"]["devices"][0]["attributes"])
    assert err == (
        "gfd: warning: the devices have no cudaDriverVersion and driverVersion, which the machine does not "
        "tell; add --driver VERSION. A selector that reads a missing attribute fails\n"
    )
    code, out, err = gfd("template", "-o", "resourceslice", "--simulate", "l4", "--driver", "581.00.03")
    assert yaml.safe_load(out)["spec"]["devices"][0]["attributes"]["driverVersion"] == {"version": "581.0.3"}
    assert err == (
        "gfd: warning: the devices have no cudaDriverVersion, which the machine does not tell. "
        "A selector that reads a missing attribute fails\n"
    )


@pytest.mark.whole
def test_a_machine_without_gpu(gfd: Gfd) -> None:
    warning = "the machine has no GPU, so NVIDIA's DRA driver publishes no ResourceSlice"
    assert gfd("template", "-o", "resourceslice", "--simulate", "no-gpu") == (
        0,
        "",
        f"gfd: warning: {warning}\n",
    )


def test_a_mig_device_that_the_driver_does_not_take() -> None:
    inventory = read("h100", "all-balanced")
    (gpu,) = inventory.gpus
    first, *_ = gpu.mig_devices or ()

    def make(**facts: Any) -> None:
        changed = gpu._replace(mig_devices=(first._replace(**facts),))
        make_slices(inventory._replace(gpus=(changed,)), "n")

    with pytest.raises(GfdError) as caught:
        make(profile="1c.3g.40gb")
    assert str(caught.value) == (
        "MIG device 0 of GPU 0 has the profile 1c.3g.40gb; NVIDIA's DRA driver takes only MIG devices "
        "with all compute slices of their GPU instance: choose another MIG layout"
    )
    with pytest.raises(GfdError, match="the place of the MIG device 0 of GPU 0 is unknown"):
        make(placement=None)
    with pytest.raises(GfdError, match=r"^MIG device 0 of GPU 0 has no UUID"):
        make(uuid=None)


@pytest.mark.whole
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--simulate", "t4", "--label", "gpu.product"), "--label (command line): -o resourceslice has no"),
        (("--node", "n"), "--node (command line): -o resourceslice needs --simulate or --inventory, since"),
        (("--simulate", "t4", "--taint", "a:NoExecute"), "--taint (command line): -o resourceslice has no"),
    ],
)
def test_flags_without_a_place(gfd: Gfd, words: tuple[str, ...], message: str) -> None:
    code, out, err = gfd("template", "-o", "resourceslice", *words)
    assert (code, out) == (2, "")
    assert err.startswith(f"gfd: {message}")


@pytest.mark.whole
def test_gfd_nodes_reads_the_slices(gfd: Gfd, tmp_path: Path) -> None:
    words = ("-o", "resourceslice", "--simulate", "dgx-h100", "--name", "gpu-1")
    slices = yaml.safe_load(gfd("template", *words)[1])
    path, pods = write(tmp_path / "nodes.json", node("gpu-1"), slices), write(tmp_path / "pods.json")
    code, out, err = gfd("nodes", "--nodes", path, "--pods", pods, "-o", "csv")
    assert code == 0
    assert err.startswith("gfd: warning: no ResourceClaim in the file holds a device of these nodes")
    assert "NVIDIA-H100-80GB-HBM3" in out
