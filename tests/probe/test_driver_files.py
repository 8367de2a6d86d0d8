"""The driver's files below a driver root, in the folders that distributions use."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.probe.driver_files import (
    LIBRARY,
    LIBRARY_FOLDERS,
    PROGRAM_FOLDERS,
    explain_absence,
    find_library,
    find_program,
    resolve,
)
from tests import standin
from tests.standin import Standin, StandinGpu

X86 = "usr/lib/x86_64-linux-gnu"
VERSIONED = "libnvidia-ml.so.535.247.01"


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def link(path: Path, target: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)


def debian(root: Path) -> Path:
    """Create Debian's alternatives system, whose links are absolute."""
    current = root / X86 / "nvidia/current"
    link(root / X86 / LIBRARY, f"/etc/alternatives/nvidia--{LIBRARY}-x86_64-linux-gnu")
    link(root / f"etc/alternatives/nvidia--{LIBRARY}-x86_64-linux-gnu", f"/{X86}/nvidia/current/{LIBRARY}")
    link(current / LIBRARY, VERSIONED)
    return put(current / VERSIONED)


def nixos(root: Path) -> Path:
    link(root / "run/opengl-driver", "/nix/store/aaa-graphics-drivers")
    link(root / "nix/store/aaa-graphics-drivers/lib" / LIBRARY, f"/nix/store/bbb-nvidia-x11/lib/{LIBRARY}")
    return put(root / "nix/store/bbb-nvidia-x11/lib" / LIBRARY)


def merged_usr(root: Path) -> Path:
    link(root / "lib64", "/usr/lib")
    return put(root / "usr/lib" / LIBRARY)


def climbing(root: Path) -> Path:
    link(root / "usr/lib64", f"../../../../../../../../..{'/..' * 20}/opt/driver/./lib")
    return put(root / "opt/driver/lib" / LIBRARY)


LAYOUTS = {"Debian": debian, "NixOS": nixos, "absolute /lib64": merged_usr, "../ above the root": climbing}


@pytest.mark.parametrize("folder", LIBRARY_FOLDERS)
def test_every_library_folder(tmp_path: Path, folder: str) -> None:
    library = put(tmp_path / folder / LIBRARY)
    assert find_library(tmp_path) == str(library)


@pytest.mark.parametrize("folder", PROGRAM_FOLDERS)
def test_every_program_folder(tmp_path: Path, folder: str) -> None:
    program = put(tmp_path / folder / "nvidia-smi")
    assert find_program(tmp_path, "nvidia-smi") == str(program)


@pytest.mark.parametrize("lay_out", LAYOUTS.values(), ids=LAYOUTS)
def test_links_are_followed_inside_the_root(tmp_path: Path, lay_out: Callable[[Path], Path]) -> None:
    library = lay_out(tmp_path)
    assert find_library(tmp_path) == str(library)


def test_a_link_never_leads_out_of_the_root(tmp_path: Path) -> None:
    """The same path outside the root is another file."""
    outside = put(tmp_path / "outside" / LIBRARY)
    for number, target in enumerate((str(outside), f"../../../outside/{LIBRARY}")):
        root = tmp_path / f"root{number}"
        link(root / "usr/lib64" / LIBRARY, target)
        assert (root / "usr/lib64" / LIBRARY).exists()
        assert find_library(root) == LIBRARY


def test_broken_links(tmp_path: Path) -> None:
    link(tmp_path / "usr/lib64" / LIBRARY, "/usr/lib/b")
    link(tmp_path / "usr/lib/b", "../lib64/" + LIBRARY)
    link(tmp_path / "lib", "lib")
    link(tmp_path / LIBRARY, "/no/such/file")
    put(tmp_path / "opt/nvidia")  # a file where a folder should be
    assert find_library(tmp_path) == LIBRARY


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("", ""),
        ("..", ""),
        ("usr/../..", ""),
        ("/usr//./lib", "/usr/lib"),
        ("usr/lib/..", "/usr"),
        ("usr/bin", None),
    ],
)
def test_resolve(tmp_path: Path, path: str, expected: str | None) -> None:
    (tmp_path / "usr/lib").mkdir(parents=True)
    for root in (str(tmp_path), f"{tmp_path}/"):
        assert resolve(path, root) == (None if expected is None else f"{tmp_path}{expected}")


def test_the_whole_file_system_as_root(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_no_link(path: str) -> str:
        raise OSError(errno.EINVAL, "Invalid argument", path)

    monkeypatch.setattr(os, "readlink", is_no_link)
    assert resolve("a/../../b/c", "/") == "/b/c"
    assert resolve("a/..", "/") == "/"


@pytest.mark.parametrize("root", [None, Path("/no/such/root")])
def test_without_a_root_the_loader_searches(root: Path | None) -> None:
    assert find_library(root) == LIBRARY
    assert find_program(root, "nvidia-smi") == "nvidia-smi"


def test_a_library_in_another_folder_is_reported(tmp_path: Path) -> None:
    for folder in ("opt/vendor/lib", "a/b/c/d/e/f", "usr/lib/i386-linux-gnu", "var/lib/image/usr/lib"):
        put(tmp_path / folder / LIBRARY)
    put(tmp_path / "a/b/c/d/e/f/too-deep" / LIBRARY)
    folders = [f"{tmp_path}/opt/vendor/lib", f"{tmp_path}/a/b/c/d/e/f"]
    assert explain_absence(tmp_path) == (
        f"found {folders[0]}/{LIBRARY}, {folders[1]}/{LIBRARY}, where gfd does not look: "
        f"pass --driver-root-ctr-path={folders[0]}"
    )
    assert find_library(Path(folders[0])) == f"{folders[0]}/{LIBRARY}"


def test_a_link_to_an_unmounted_file_is_reported(tmp_path: Path) -> None:
    library = debian(tmp_path)
    library.unlink()
    (tmp_path / X86 / "nvidia/current" / LIBRARY).unlink()
    assert explain_absence(tmp_path) == (
        f"found {tmp_path}/{X86}/{LIBRARY}, a link to /etc/alternatives/nvidia--{LIBRARY}-x86_64-linux-gnu, "
        f"which is not below {tmp_path}: mount the driver's whole root there"
    )


def test_a_library_without_its_short_name_is_reported(tmp_path: Path) -> None:
    put(tmp_path / "usr/lib64" / VERSIONED)
    assert explain_absence(tmp_path) == (
        f"found {tmp_path}/usr/lib64/{VERSIONED}, but no {LIBRARY} beside it: "
        "run ldconfig where the driver is installed"
    )


def test_the_search_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "many/z" / LIBRARY)
    for number in range(30):
        put(tmp_path / f"many/{number:02}/file")
    monkeypatch.setattr("gfd.probe.driver_files._MOST_ENTRIES", 20)
    assert explain_absence(tmp_path) == ""
    monkeypatch.undo()
    assert explain_absence(tmp_path) != ""
    (tmp_path / "many").chmod(0)
    if os.geteuid():
        assert explain_absence(tmp_path) == ""


# ---- Through the command line ----


def dump(root: Path) -> subprocess.CompletedProcess[str]:
    """Run ``gfd dump`` with this driver root, on a machine whose driver is the stand-in."""
    gpu = StandinGpu(
        name="Tesla T4", uuid="GPU-1", cc_major=7, cc_minor=5, memory=16 * 2**30, pci="00000000:3B:00.0"
    )
    empty = root.parent / "empty"
    empty.mkdir()
    options = ("--no-timestamp", "--machine-type-file=", f"--driver-root-ctr-path={root}")
    return subprocess.run(
        [sys.executable, "-m", "gfd", "dump", *options],
        env=standin.environment(empty, Standin(gpus=(gpu,)).write(root.parent / "machine")),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.whole
@pytest.mark.parametrize("lay_out", [debian, nixos])
def test_labels_of_a_driver_in_its_root(tmp_path: Path, lay_out: Callable[[Path], Path]) -> None:
    library = lay_out(tmp_path / "root")
    (standin.build(tmp_path / "built") / LIBRARY).replace(library)
    done = dump(tmp_path / "root")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nvidia.com/gpu.product=Tesla-T4\n" in done.stdout


@pytest.mark.whole
def test_the_next_step_for_a_driver_elsewhere(tmp_path: Path) -> None:
    folder = standin.build(tmp_path / "root/opt/vendor/lib")
    done = dump(tmp_path / "root")
    reason = f"{LIBRARY}: cannot open shared object file: No such file or directory"
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        f"gfd: {LIBRARY} could not be loaded from the loader's path or under {tmp_path}/root: {reason}; "
        f"found {folder}/{LIBRARY}, where gfd does not look: pass --driver-root-ctr-path={folder}"
    )
