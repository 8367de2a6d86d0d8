"""Whether /proc/driver is the kernel's own, or a copy that never changes.

NVIDIA's legacy container runtime lays a tmpfs over /proc/driver/nvidia: it shows what was there when the
container started.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")
NVIDIA = "nvidia"
"""The driver's folder in /proc/driver."""

ADVICE = (
    "mount the host's /proc/driver read-only and name it with --proc-driver-dir; until then changes of the"
    " hardware are seen at the next --sleep-interval"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of mountinfo, as far as it tells what a path shows."""

    number: str
    parent: str
    """The number of the mount that this one lies on."""
    root: str
    """The part of the mounted file system that is seen at ``point``."""
    point: str
    file_system: str

    def has(self, path: str) -> bool:
        """Tell whether ``path``, absolute and without links, is at or below the mount point."""
        return path == self.point or path.startswith(self.point.rstrip("/") + "/")

    def inside(self, path: str) -> str:
        """Return what the mounted file system itself calls ``path``."""
        return self.root.rstrip("/") + path[len(self.point.rstrip("/")) :]


def parse(mountinfo: str) -> tuple[Mount, ...]:
    """Return the mounts of a text like /proc/self/mountinfo."""
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


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """Return what is seen at ``path``, going down from mount to mount as the kernel does.

    The order of the lines tells nothing: where an initramfs was, / comes after /proc.
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
        # Of two on the same mount the upper one is come to first, and hides the other.
        seen = min(next_ones, key=lambda mount: len(mount.point))
        left.remove(seen)


def explain_blindness(proc_driver_dir: Path | None, mountinfo: Path = MOUNTINFO) -> str | None:
    """Return :func:`find_blindness` with the next step."""
    reason = find_blindness(proc_driver_dir, mountinfo)
    return f"{reason}: {ADVICE}" if reason else None


def find_blindness(proc_driver_dir: Path | None, mountinfo: Path = MOUNTINFO) -> str | None:
    """Return why changes below ``proc_driver_dir`` stay unseen; None when they do not.

    A driver that is not there yet is no reason.
    """
    if proc_driver_dir is None:
        return None
    folder = os.path.realpath(proc_driver_dir / NVIDIA)
    try:
        mount = mount_of(folder, parse(os.fsdecode(mountinfo.read_bytes())))
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
    elif not is_there and (shown := mount.inside(folder)) != f"/driver/{NVIDIA}":
        reason = (
            f"{proc_driver_dir} (--proc-driver-dir) shows procfs, but {shown} of it, not /driver/{NVIDIA}"
        )
    return reason


def _unescape(text: str) -> str:
    """Undo what the kernel writes for blanks, line ends and backslashes."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 8)), text)
