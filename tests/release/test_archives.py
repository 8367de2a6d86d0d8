"""The same files give the same archive."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

from release.archives import normalize


def pack(folder: Path, name: str, mode: int) -> Path:
    file = folder / name
    file.mkdir(parents=True)
    (file / "text").write_text("text")
    (file / "program").write_text("program")
    os.chmod(file / "text", mode)
    os.chmod(file / "program", 0o755)
    packed = folder / f"{name}.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        for each in sorted(file.iterdir(), reverse=mode == 0o600):
            archive.add(each, f"x/{each.name}")
    return packed


def test_time_owner_order_and_mode_do_not_matter(tmp_path: Path) -> None:
    packed = [pack(tmp_path, "a", 0o644), pack(tmp_path, "b", 0o600)]
    assert packed[0].read_bytes() != packed[1].read_bytes()
    for each in packed:
        normalize(each, 1_600_000_000)
    assert packed[0].read_bytes() == packed[1].read_bytes()
    with tarfile.open(packed[0]) as archive:
        found = {each.name: (each.mode, each.mtime, each.uname) for each in archive}
        assert found == {
            "x/program": (0o755, 1_600_000_000, "root"),
            "x/text": (0o644, 1_600_000_000, "root"),
        }
        text = archive.extractfile("x/text")
        assert text is not None
        assert text.read() == b"text"
