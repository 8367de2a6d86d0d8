"""Checksums that sha256sum --check reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path


def write(output: Path, files: Iterable[Path]) -> Path:
    """Write SHA256SUMS for files of the folder ``output``."""
    lines = []
    for path in sorted(files):
        with path.open("rb") as file:
            lines.append(f"{hashlib.file_digest(file, 'sha256').hexdigest()}  {path.name}\n")
    sums = output / "SHA256SUMS"
    sums.write_text("".join(lines))
    return sums
