"""What nfd-worker hears of the feature file: the kernel's own events of the directory."""

from __future__ import annotations

import ctypes
import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gfd.publishing.sinks import delayed_touch
from gfd.publishing.sinks.file import FileSink
from gfd.publishing.sinks.staging import FOLDER

A = {"nvidia.com/a": "1"}
B = {"nvidia.com/a": "2"}

IN_ATTRIB = 0x4
IN_MOVED_TO = 0x80
IN_CREATE = 0x100
IN_DELETE = 0x200
HEARD = IN_ATTRIB | IN_MOVED_TO | IN_CREATE | IN_DELETE
NAMES = {IN_ATTRIB: "touched", IN_MOVED_TO: "put", IN_CREATE: "made", IN_DELETE: "removed"}


class Listener:
    """Watches a directory with inotify, as nfd-worker does."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def hear(self) -> list[tuple[str, str]]:
        """Return the events since the last call, with file names; the directory's name is empty."""
        try:
            data = os.read(self._descriptor, 65536)
        except BlockingIOError:
            return []
        events = []
        while data:
            _, mask, _, length = struct.unpack_from("iIII", data)
            name = data[16 : 16 + length].rstrip(b"\0").decode()
            events.append((NAMES[mask & HEARD], name))
            data = data[16 + length :]
        return events


@contextmanager
def listening(directory: Path) -> Iterator[Listener]:
    libc = ctypes.CDLL(None)
    descriptor = libc.inotify_init1(os.O_NONBLOCK)
    assert libc.inotify_add_watch(descriptor, str(directory).encode(), HEARD) > 0
    yield Listener(descriptor)
    os.close(descriptor)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "gfd"


def test_change_causes_two_events(target: Path) -> None:
    sink = FileSink(target)
    with listening(target.parent) as listener:
        assert sink.publish(A)
        put = target.stat()
        assert listener.hear() == [("made", FOLDER), ("put", "gfd")]
        delayed_touch.wait()
        assert listener.hear() == [("touched", "gfd")]
        touched = target.stat()
        assert touched.st_mtime >= put.st_mtime + delayed_touch.DELAY_S - 0.1
        assert (target.read_text(), touched.st_ino) == ("nvidia.com/a=1\n", put.st_ino)
        # Nothing has changed: nothing is heard.
        assert not sink.publish(A)
        delayed_touch.wait()
        assert listener.hear() == []
        # Two changes in a row.
        sink.publish(B)
        time.sleep(0.3)
        assert listener.hear() == [("put", "gfd")]
        sink.publish(A)
        assert listener.hear() == [("put", "gfd")]
        delayed_touch.wait()
        assert listener.hear() == [("touched", "gfd")]
        assert target.stat().st_mtime > time.time() - 1
        # A service that ends, or loads its configuration again, lets go of the file before.
        sink.publish(B)
        sink.close()
        delayed_touch.wait()
        assert listener.hear() == [("put", "gfd"), ("touched", "gfd")]


def test_removal_causes_two_events(target: Path) -> None:
    sink = FileSink(target)
    sink.publish(A)
    delayed_touch.wait()
    with listening(target.parent) as listener:
        assert sink.withdraw()
        assert listener.hear() == [("removed", "gfd"), ("removed", FOLDER)]
        delayed_touch.wait()
        assert listener.hear() == [("touched", "")]
        assert not sink.withdraw()
        listener.hear()
        delayed_touch.wait()
        assert listener.hear() == []


def test_replaced_file_is_not_touched(target: Path) -> None:
    sink = FileSink(target)
    sink.publish(A)
    other = target.parent / "other"
    other.write_text("nvidia.com/b=1\n")
    other.replace(target)
    before = target.stat()
    delayed_touch.wait()
    after = target.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns) == (before.st_mtime_ns, before.st_ctime_ns)


def test_read_only_file_system_is_not_touched(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's error is simulated, because mounting needs rights."""

    def refuse(descriptor: int) -> None:
        raise OSError(30, os.strerror(30))

    monkeypatch.setattr("gfd.publishing.sinks.delayed_touch.os.utime", refuse)
    before = len(os.listdir("/proc/self/fd"))
    assert FileSink(target).publish(A)
    delayed_touch.wait()
    assert len(os.listdir("/proc/self/fd")) <= before + 3  # the sink's own
