"""The hidden folder beside the feature file, where a neighbour has planted something."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.errors import PublishError
from gfd.publishing.sinks.file import FileSink
from gfd.publishing.sinks.staging import FOLDER

LABELS = {"nvidia.com/a": "1"}
TEXT = "nvidia.com/a=1\n"
LOCK = "gfd.lock"
OTHER_USER = 12345


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "gfd"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / FOLDER
    made.mkdir(mode=0o700)
    return made


def refusal(target: Path) -> tuple[str, str, bool]:
    with pytest.raises(PublishError) as caught:
        FileSink(target).publish(LABELS)
    return caught.value.reason, caught.value.kind, caught.value.retryable


def make_file_of_another_user(path: Path, _victim: Path) -> None:
    path.touch()
    os.chown(path, OTHER_USER, -1)


PLANTED: dict[str, Callable[[Path, Path], object]] = {
    "hard link": lambda path, victim: path.hardlink_to(victim),
    "link": lambda path, victim: path.symlink_to(victim),
    "dangling link": lambda path, victim: path.symlink_to(victim.parent / "gone"),
    "pipe": lambda path, victim: os.mkfifo(path),
    "file of another user": make_file_of_another_user,
    "left by an earlier gfd": lambda path, victim: path.write_text("99999\n"),
}


@pytest.mark.parametrize("name", ["gfd", LOCK])
@pytest.mark.parametrize("kind", PLANTED)
def test_links_in_the_folder_are_not_followed(
    target: Path, folder: Path, tmp_path: Path, kind: str, name: str
) -> None:
    if kind == "file of another user" and os.geteuid() != 0:
        pytest.skip("only root can make a file of another user")
    victim = tmp_path / "victim"
    victim.write_text("precious\n")
    victim.chmod(0o640)
    PLANTED[kind](folder / name, victim)
    sink = FileSink(target)
    assert sink.publish(LABELS)
    assert target.read_text() == TEXT
    assert (folder / LOCK).read_text() == f"{os.getpid()}\n"
    assert not (folder / LOCK).is_symlink()
    found = victim.stat()
    assert (victim.read_text(), found.st_mode & 0o777, found.st_nlink) == ("precious\n", 0o640, 1)
    assert not (tmp_path / "gone").exists()
    # And it is a lock.
    assert refusal(target)[0].startswith(f"another gfd (process {os.getpid()}) writes this file")


@pytest.mark.parametrize("name", ["gfd", LOCK])
def test_directory_in_the_folder(target: Path, folder: Path, name: str) -> None:
    (folder / name).mkdir()
    reason = f"{folder}/{name} is a directory; remove it with: rm -r {folder}/{name}"
    assert refusal(target) == (reason, "not_a_file", False)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_folder_of_another_user(target: Path, folder: Path) -> None:
    (folder / "gfd").symlink_to(target.parent / "victim")
    os.chown(folder, OTHER_USER, -1)
    reason = f"{folder} belongs to user {OTHER_USER}, but gfd runs as user 0; remove it with: rm -r {folder}"
    assert refusal(target) == (reason, "foreign_folder", False)
    with pytest.raises(PublishError, match="belongs to user"):
        FileSink(target).withdraw()
    assert os.listdir(target.parent) == [FOLDER]


@pytest.mark.parametrize("kind", ["file", "link", "pipe"])
def test_folder_is_something_else(target: Path, kind: str) -> None:
    planted = target.parent / FOLDER
    elsewhere = target.parent / "elsewhere"
    elsewhere.mkdir()
    if kind == "file":
        planted.touch()
    elif kind == "link":
        planted.symlink_to(elsewhere)
    else:
        os.mkfifo(planted)
    reason = f"{planted} is not a directory; remove it with: rm {planted}"
    assert refusal(target) == (reason, "not_a_directory", False)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("mode", [0o755, 0o777, 0o2777, 0o500])
def test_permissions_of_the_folder_are_restored(target: Path, folder: Path, mode: int) -> None:
    folder.chmod(mode)
    assert FileSink(target).publish(LABELS)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_removed_folder_is_created_again(target: Path, folder: Path) -> None:
    sink = FileSink(target)
    sink.publish({})
    (folder / LOCK).unlink()
    folder.rmdir()
    assert sink.publish(LABELS)
    assert target.read_text() == TEXT


def test_removed_lock_is_not_taken(target: Path, folder: Path) -> None:
    """The holder removes the lock and ends after another process has opened it, and before that locks it."""
    (folder / LOCK).write_text("99999\n")
    real_flock = fcntl.flock

    def end_first(descriptor: int, operation: int) -> None:
        patch.undo()
        (folder / LOCK).unlink()
        real_flock(descriptor, operation)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fcntl, "flock", end_first)
        sink = FileSink(target)
        assert sink.publish(LABELS)
    assert refusal(target)[1] == "locked"


def test_one_of_many_writers_wins(target: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from gfd.errors import PublishError\n"
        "from gfd.publishing.sinks.file import FileSink\n"
        f"sink = FileSink(Path({str(target)!r}))\n"
        "try:\n    sink.publish({'a': '1'})\n    print('mine', flush=True)\n"
        "except PublishError as error:\n    print(error.kind, flush=True)\n"
        "sys.stdin.read()\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    said = [process.stdout.readline().strip() for process in started if process.stdout]
    for process in started:
        process.communicate()
    assert sorted(said) == ["locked", "locked", "locked", "mine"]
