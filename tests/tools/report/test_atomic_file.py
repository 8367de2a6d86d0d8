from __future__ import annotations

import os
from pathlib import Path

import pytest

from gfd.errors import GfdError
from gfd.tools.report import atomic_file


def test_the_previous_page_is_replaced(tmp_path: Path) -> None:
    target, link = tmp_path / "page.html", tmp_path / "link.html"
    link.symlink_to("page.html")
    before = os.umask(0o027)
    try:
        for text in ("1", "22"):
            atomic_file.write(link, text)
    finally:
        os.umask(before)
    assert link.is_symlink()
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("22", 0o640)
    assert {each.name for each in tmp_path.iterdir()} == {"page.html", "link.html"}


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing/page.html", "No such file or directory; choose a folder that you can write to"),
        ("file/page.html", "Not a directory; choose a folder that you can write to"),
        ("/proc/page.html", "No such file or directory; choose a folder that you can write to"),
        ("x" * 256, "File name too long; choose a folder that you can write to"),
        ("", "is a directory; pass a file, or - for standard output"),
        ("pipe", "is not a regular file; pass a file, or - for standard output"),
        ("/dev/null", "is not a regular file; pass a file, or - for standard output"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, reason: str) -> None:
    (tmp_path / "file").write_text("")
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / name
    with pytest.raises(GfdError) as caught:
        atomic_file.write(path, "text")
    assert str(caught.value) == f"--html {path}: {reason}"
    assert {each.name for each in tmp_path.iterdir()} == {"file", "pipe"}


def test_a_full_disk_keeps_the_previous_page(tmp_path: Path) -> None:
    import resource
    import signal

    target = tmp_path / "page.html"
    atomic_file.write(target, "before")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(GfdError) as caught:
            atomic_file.write(target, "x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert str(caught.value) == f"--html {target}: File too large; choose a folder that you can write to"
    assert target.read_text() == "before"
    assert list(tmp_path.iterdir()) == [target]
