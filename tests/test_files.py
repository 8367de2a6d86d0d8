"""Reading files within bounds."""

import errno
import io
import os
import socket
from pathlib import Path

import pytest

from gfd.files import CONFIGURATION_BYTES, MIB, read_bytes, read_input, read_text


def test_a_file_is_read_whole_up_to_its_limit(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x" * 4096)
    assert read_bytes(file, 4096) == b"x" * 4096
    with pytest.raises(OSError, match="it holds more than 3 KiB") as caught:
        read_bytes(file, 3072)
    assert caught.value.errno == errno.EFBIG


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    os.truncate(file, 8 << 30)
    with pytest.raises(OSError, match="it holds more than 1 MiB"):
        read_bytes(file, CONFIGURATION_BYTES)


def test_a_procfs_file_has_no_size() -> None:
    assert Path("/proc/self/status").stat().st_size == 0
    assert read_text("/proc/self/status", MIB).startswith("Name:")


def test_links_of_a_config_map_are_followed(tmp_path: Path) -> None:
    (tmp_path / "..1").mkdir()
    (tmp_path / "..1/config.yaml").write_text("version: v1\n")
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "config.yaml").symlink_to("..data/config.yaml")
    assert read_text(tmp_path / "config.yaml", MIB) == "version: v1\n"


def test_the_null_device_is_an_empty_file() -> None:
    assert read_bytes("/dev/null", MIB) == b""


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("directory", "Is a directory"),
        ("fifo", "it is a pipe, not a regular file"),
        ("socket", "it is a socket, not a regular file"),
        ("missing", "No such file or directory"),
    ],
)
def test_only_regular_files_are_read(tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "it"
    with socket.socket(socket.AF_UNIX) as listener:
        if kind == "directory":
            path.mkdir()
        elif kind == "fifo":
            os.mkfifo(path)
        elif kind == "socket":
            listener.bind(str(path))
        with pytest.raises(OSError) as caught:
            read_bytes(path, MIB)
    assert caught.value.strerror == reason


def test_a_device_without_end() -> None:
    with pytest.raises(OSError, match="it is a character device, not a regular file"):
        read_bytes("/dev/zero", MIB)


def test_a_pipe_that_replaces_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pipe takes the place of the file between stat and open."""
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.touch()
    os.mkfifo(pipe)
    found = file.stat()
    monkeypatch.setattr(os, "stat", lambda path: found)
    with pytest.raises(OSError, match="it is a pipe"):
        read_bytes(pipe, MIB)


@pytest.mark.parametrize("name", ["a\0b", "\ud800"])
def test_a_name_that_no_file_can_have(name: str) -> None:
    with pytest.raises(OSError, match="no file can have this name"):
        read_bytes(name, MIB)


def test_text_is_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"\xef\xbb\xbfone\ntw\xffo\n")
    with pytest.raises(OSError, match="line 2 is not text in UTF-8"):
        read_text(file, MIB)
    assert read_text(file, MIB, errors="replace") == "one\ntw\ufffdo\n"
    file.write_text("ein Gerät", encoding="utf-8-sig")
    assert read_text(file, MIB) == "ein Gerät"


def test_input_is_a_file_or_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"file")
    assert read_input(tmp_path / "file") == b"file"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"stdin\xff")))
    assert read_input("-") == b"stdin\xff"
    with pytest.raises(FileNotFoundError):
        read_input(tmp_path / "missing")
