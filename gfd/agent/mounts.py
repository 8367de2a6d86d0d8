"""Find out whether /proc/driver/nvidia is the kernel's, or a copy that never changes.

NVIDIA's legacy container runtime mounts a tmpfs over /proc/driver/nvidia: a copy of the files that were there
when the container started.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
NVIDIA = "nvidia"
"""The driver's folder in /proc/driver."""

NEXT_STEP = (
    "mount the host's /proc/driver read-only and name it with --proc-driver-dir; until then changes of the"
    " hardware are seen only at the next --sleep-interval"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mount, from one line of mountinfo."""

    number: str
    parent: str
    """The number of the mount on which this one is mounted."""
    root: str
    """The folder of the file system that is mounted."""
    point: str
    """Where it is mounted."""
    file_system: str

    def has(self, path: str) -> bool:
        """Return whether ``path``, absolute and without links, is the mount point or below it."""
        return path == self.point or path.startswith(self.point.rstrip("/") + "/")

    def translate(self, path: str) -> str:
        """Return the path inside the mounted file system."""
        return self.root.rstrip("/") + path[len(self.point.rstrip("/")) :]


def parse_mounts(mountinfo: str) -> tuple[Mount, ...]:
    """Return the mounts in a text like /proc/self/mountinfo."""
    mounts = []
    for line in mountinfo.splitlines():
        place, _, source = line.partition(" - ")
        fields, kind = place.split(" "), source.split(" ")[0]
        if len(fields) >= 5 and kind:
            mounts.append(
                Mount(
                    number=fields[0],
                    parent=fields[1],
                    root=_unescape(fields[3]),
                    point=_unescape(fields[4]),
                    file_system=kind,
                )
            )
    return tuple(mounts)


def find_mount(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """Return the mount that contains ``path``: walk from mount to mount, as the kernel does.

    The order of the lines does not matter: with an initramfs, the line of / comes after that of /proc.
    """
    left = [mount for mount in mounts if mount.has(path)]
    numbers = {mount.number for mount in mounts}
    seen: Mount | None = None
    while True:
        next_ones = [
            mount for mount in left if (mount.parent == seen.number if seen else mount.parent not in numbers)
        ]
        if not next_ones:
            return seen
        # If two are mounted on the same mount, the one with the shorter path hides the other.
        seen = min(next_ones, key=lambda mount: len(mount.point))
        left.remove(seen)


def explain_unseen_changes(proc_driver_dir: Path | None, mountinfo: Path = MOUNTINFO) -> str | None:
    """Return why gfd does not see changes below ``proc_driver_dir``, and the next step; None if it does."""
    reason = find_unseen_changes(proc_driver_dir, mountinfo)
    return f"{reason}: {NEXT_STEP}" if reason else None


def find_unseen_changes(proc_driver_dir: Path | None, mountinfo: Path = MOUNTINFO) -> str | None:
    """Return why gfd does not see changes below ``proc_driver_dir``; None if it does.

    A driver that is not loaded yet is not a reason.
    """
    if proc_driver_dir is None:
        return None
    folder = os.path.realpath(proc_driver_dir / NVIDIA)
    try:
        mount = find_mount(folder, parse_mounts(os.fsdecode(mountinfo.read_bytes())))
        is_there = Path(folder).is_dir()
    except OSError:
        return None
    if mount is None:
        return None
    reason = None
    if mount.file_system != "proc" and folder.startswith("/proc/"):
        reason = f"{folder} is a frozen copy on {mount.file_system}, not the host's procfs"
    elif mount.file_system != "proc" and not is_there:
        reason = f"{proc_driver_dir} (--proc-driver-dir) is not procfs and has no folder {NVIDIA}"
    elif not is_there and (shown := mount.translate(folder)) != f"/driver/{NVIDIA}":
        reason = (
            f"{proc_driver_dir} (--proc-driver-dir) is the wrong folder of procfs: its {NVIDIA} would be"
            f" {shown}, not /driver/{NVIDIA}"
        )
    return reason


def _unescape(text: str) -> str:
    """Replace the kernel's escapes for blanks, line ends and backslashes."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 8)), text)
