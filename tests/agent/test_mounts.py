"""Which file system is seen at a path, and what a person is told about it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gfd.agent.mounts import Mount, explain_unseen_changes, find_mount, parse_mounts

PROC = "22 27 0:21 / /proc rw,relatime shared:14 master:2 - proc proc rw"
ROOT = "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard"
"""After /proc, as where an initramfs made that and moved it."""
FROZEN = "63 22 0:39 / /proc/driver/nvidia ro,nosuid - tmpfs tmpfs rw,mode=555"
BUS = "64 63 0:21 /driver/nvidia/gpus/0000:3b:00.0 /proc/driver/nvidia/gpus/0000:3b:00.0 ro - proc proc rw"
AGAIN = "67 63 0:21 /driver/nvidia /proc/driver/nvidia ro - proc proc rw"
OVER = "68 22 0:41 / /proc/driver rw - ramfs none rw"
HOST = "65 27 0:40 /driver /host/proc/driver ro,relatime - proc proc rw"
WHOLE = "66 27 0:40 / /host/proc/driver ro,relatime - proc proc rw"


def test_a_line_is_parsed_with_its_escapes() -> None:
    line = r"36 35 98:0 /a\040b /mnt\011x\012y\134z\043 rw master:1 propagate_from:2 - nfs4 host:/a\040b rw"
    assert parse_mounts(line) == (
        Mount(number="36", parent="35", root="/a b", point="/mnt\tx\ny\\z#", file_system="nfs4"),
    )


@pytest.mark.parametrize(
    "line", ["", "nonsense", "1 2 3:4 / /x rw", "1 2 3:4 / - proc", "1 2 3:4 / /x rw - "]
)
def test_a_malformed_line_is_ignored(line: str) -> None:
    assert parse_mounts(f"{line}\n{PROC}\n") == parse_mounts(PROC)


@pytest.mark.parametrize(
    ("path", "lines", "expected"),
    [
        ("/proc/driver/nvidia", (), None),
        ("/proc/driver/nvidia", (ROOT,), "ext4"),
        ("/proc/driver/nvidia", (ROOT, PROC), "proc"),
        ("/proc/driver/nvidia", (ROOT, PROC, FROZEN), "tmpfs"),
        ("/proc/driver/nvidia/version", (ROOT, PROC, FROZEN), "tmpfs"),
        ("/proc/driver/nvidia", (ROOT, PROC, FROZEN, BUS), "tmpfs"),
        ("/proc/driver/nvidia/gpus/0000:3b:00.0", (ROOT, PROC, FROZEN, BUS), "proc"),
        ("/proc/driver/nvidia-fs", (ROOT, PROC, FROZEN), "proc"),
        ("/proc/driver/nvidia", (PROC, ROOT), "proc"),
        ("/proc/driver/nvidia", (FROZEN, PROC, ROOT), "tmpfs"),
        ("/proc/driver/nvidia", (ROOT, PROC, FROZEN, AGAIN), "proc"),  # on top of the other
        ("/proc/driver/nvidia", (ROOT, PROC, FROZEN, OVER), "ramfs"),  # what lies above hides it
        ("/proc/driver/nvidia", (PROC,), "proc"),  # changed its root to where nothing is mounted
        ("/", (PROC, ROOT), "ext4"),
        ("/processes", (ROOT, PROC), "ext4"),
    ],
)
def test_the_mount_of_a_path_is_found(path: str, lines: tuple[str, ...], expected: str | None) -> None:
    mount = find_mount(path, parse_mounts("\n".join(lines)))
    assert (mount.file_system if mount else None) == expected


@pytest.mark.parametrize(
    ("folder", "lines", "expected"),
    [
        (None, (ROOT, PROC, FROZEN), None),
        ("/proc/driver", (), None),
        ("/proc/driver", (ROOT, PROC), None),  # no driver yet is normal
        ("/proc/driver", (ROOT, PROC, FROZEN), "/proc/driver/nvidia is a frozen copy on tmpfs"),
        ("/proc/driver", (ROOT, PROC, FROZEN, BUS), "/proc/driver/nvidia is a frozen copy on tmpfs"),
        ("/proc/driver", (ROOT,), "/proc/driver/nvidia is a frozen copy on ext4"),
        ("/host/proc/driver", (ROOT, PROC, FROZEN, HOST), None),  # the host has no driver yet
        (
            "/host/proc/driver",
            (ROOT, PROC, WHOLE),
            "/host/proc/driver (--proc-driver-dir) is the wrong folder of procfs: its",
        ),
        ("/host/proc/driver", (ROOT, PROC), "/host/proc/driver (--proc-driver-dir) is not procfs and has no"),
    ],
)
def test_unseen_changes_are_explained(
    folder: str | None, lines: tuple[str, ...], expected: str | None, tmp_path: Path
) -> None:
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text("".join(f"{line}\n" for line in lines))
    text = explain_unseen_changes(Path(folder) if folder else None, mountinfo)
    if expected is None:
        assert text is None
    else:
        assert text is not None
        assert text.startswith(expected)
        assert "mount the host's /proc/driver read-only and name it with --proc-driver-dir" in text
        assert "--sleep-interval" in text


def test_an_ordinary_folder_can_be_watched(tmp_path: Path) -> None:
    (tmp_path / "nvidia").mkdir()
    assert explain_unseen_changes(tmp_path) is None


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "driver").symlink_to("/proc/driver")
    mountinfo = tmp_path / "mountinfo"
    mountinfo.write_text(f"{ROOT}\n{PROC}\n{FROZEN}\n")
    assert "frozen" in str(explain_unseen_changes(tmp_path / "driver", mountinfo))


def test_without_mountinfo_there_is_no_reason(tmp_path: Path) -> None:
    assert explain_unseen_changes(Path("/proc/driver"), tmp_path / "mountinfo") is None


def private(script: str, *arguments: str) -> str:
    """Return what ``script`` prints where its mounts are its own."""
    refused = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True, check=False)
    if refused.returncode:
        pytest.skip(f"mounts of one's own are refused here: {refused.stderr.strip()}")
    command = ["unshare", "-m", "sh", "-euc", script, "sh", sys.executable, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


SAY = (
    '"$1" -c "import sys, pathlib, gfd.agent.mounts as m;'
    'print(m.explain_unseen_changes(pathlib.Path(sys.argv[1])))"'
)


def test_a_real_tmpfs_over_proc_driver_is_found() -> None:
    text = private(f"mount -t tmpfs none /proc/driver; mkdir /proc/driver/nvidia; {SAY} /proc/driver")
    assert text.startswith("/proc/driver/nvidia is a frozen copy on tmpfs")


def test_the_real_proc_driver_mounted_elsewhere_is_accepted(tmp_path: Path) -> None:
    mount = 'mount -t tmpfs none "$2"; mkdir "$2/a b"; mount --bind /proc/driver "$2/a b"'
    freeze = "mount -t tmpfs none /proc/driver"
    assert private(f'{mount}; {freeze}; {SAY} "$2/a b"', str(tmp_path)) == "None"
