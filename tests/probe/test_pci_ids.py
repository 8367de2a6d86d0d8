from __future__ import annotations

import re
from pathlib import Path

import pytest

from gfd.probe.pci_ids import PATHS, SHIPPED, DeviceName, PciIds
from tests.pci_bus import A10, H100, T4, UNKNOWN
from tests.probe.nvidia_pci_ids import extract

LIST = """\
#	Version: 2030.01.02
#	Date:    2030-01-02 03:15:02

1000  Another vendor
	2236  A card that is not a GPU
10de  NVIDIA Corporation
	2236  GA102GL [A10]
		10de 1482  A board

# a comment
	2330  GH100  [H100]
	zzzz  no number
	233
	1eb8
1234  Yet another vendor
	1eb8  A card that is not a GPU
C 03  Display controller
	02  3D controller
"""


def write(path: Path, text: str | bytes = LIST) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("path", PATHS)
def test_the_list_of_the_machine(tmp_path: Path, path: str) -> None:
    file = write(tmp_path / path)
    pci_ids = PciIds(tmp_path)
    assert pci_ids.find(A10) == DeviceName(text="GA102GL [A10]", source=f"{file}:7")
    assert pci_ids.find(H100) == DeviceName(text="GH100  [H100]", source=f"{file}:11")
    assert pci_ids.find(UNKNOWN) is None


def test_what_the_list_lacks_is_in_the_shipped_one(tmp_path: Path) -> None:
    write(tmp_path / PATHS[0])
    found = PciIds(tmp_path).find(T4)
    assert found is not None
    assert (found.text, found.source.rpartition(":")[0]) == ("TU104GL [Tesla T4]", str(SHIPPED))


def test_the_list_below_the_driver_root_comes_first(tmp_path: Path) -> None:
    """On many systems it is an absolute link."""
    write(tmp_path / "root" / PATHS[0])
    target = write(tmp_path / "driver/var/lib/pci.ids", "10de  NVIDIA\n\t2236  GA102GL [A10 of the host]\n")
    (tmp_path / "driver/usr/share/misc").mkdir(parents=True)
    (tmp_path / "driver" / PATHS[0]).symlink_to("/var/lib/pci.ids")
    pci_ids = PciIds(tmp_path / "root", tmp_path / "driver")
    assert pci_ids.find(A10) == DeviceName(text="GA102GL [A10 of the host]", source=f"{target}:2")


@pytest.mark.parametrize(
    "text", [b"", b"\xff\x00\n\t\n", b"10de\n2236  GA102GL [A10]\n", b"\t2236  A card of nobody\n", b"<html>"]
)
def test_a_damaged_list_hides_nothing(tmp_path: Path, text: bytes) -> None:
    write(tmp_path / PATHS[0], text)
    found = PciIds(tmp_path).find(A10)
    assert found is not None
    assert found.text == "GA102GL [A10]"


def test_a_list_that_is_no_file(tmp_path: Path) -> None:
    (tmp_path / PATHS[0]).mkdir(parents=True)
    assert PciIds(tmp_path, tmp_path / "gone").find(A10) is not None


def test_the_shipped_list() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    assert re.search(r"^#\tDate:    20[0-9]{2}-[0-9]{2}-[0-9]{2}", text, re.MULTILINE)
    assert extract(text) == text
    assert len(re.findall(r"^\t[0-9a-f]{4}  \S", text, re.MULTILINE)) > 1900


def test_only_devices_of_nvidia_are_extracted() -> None:
    lines = extract(LIST).splitlines()
    assert "#	Version: 2030.01.02" in lines
    kept = ["10de  NVIDIA Corporation", "	2236  GA102GL [A10]", "	2330  GH100  [H100]"]
    assert lines[lines.index(kept[0]) :][:3] == kept
    assert "A board" not in extract(LIST)
