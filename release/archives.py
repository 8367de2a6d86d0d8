"""Archives that have the same bytes if their files do."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path


def normalize(path: Path, time: int) -> None:
    """Write a .tar.gz again, with one time (seconds since 1970) and one owner, root, for all its files."""
    content = io.BytesIO()
    with tarfile.open(path) as old, tarfile.open(fileobj=content, mode="w", format=tarfile.PAX_FORMAT) as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            member.mtime, member.uid, member.gid, member.uname, member.gname = time, 0, 0, "root", "root"
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            member.pax_headers = {}
            new.addfile(member, old.extractfile(member) if member.isfile() else None)
    with path.open("wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=time) as packed:
        packed.write(content.getvalue())
