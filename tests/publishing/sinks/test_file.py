from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.errors import PublishError
from gfd.publishing.drift import Drift
from gfd.publishing.preview import PlannedChange
from gfd.publishing.sinks.feature_text import MAX_BYTES, format_expiry, parse_features, split_expiry
from gfd.publishing.sinks.file import FileSink
from gfd.publishing.sinks.staging import FOLDER

A = {"nvidia.com/b": "2", "nvidia.com/a": "1"}
B = {"nvidia.com/a": "3"}
TEXT = "nvidia.com/a=1\nnvidia.com/b=2\n"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "gfd"


def fail(sink: FileSink) -> str:
    with pytest.raises(PublishError) as caught:
        sink.publish(A)
    return str(caught.value)


def test_publish(target: Path) -> None:
    sink = FileSink(target)
    assert sink.publish(A)
    assert target.read_text() == TEXT
    assert target.stat().st_mode & 0o7777 == 0o644
    assert sorted(path.name for path in target.parent.iterdir()) == [FOLDER, "gfd"]
    sink.close()
    assert target.read_text() == TEXT


def test_unchanged_file_is_not_touched(target: Path) -> None:
    sink = FileSink(target)
    sink.publish(A)

    def stamps() -> tuple[int, ...]:
        """All but the time of access, which reading may change."""
        file = target.stat()
        return file.st_ino, file.st_mtime_ns, file.st_ctime_ns, (target.parent / FOLDER).stat().st_mtime_ns

    before = stamps()
    sink.close()
    assert not FileSink(target).publish(A)
    assert stamps() == before


def test_a_change_replaces_the_whole_file(target: Path) -> None:
    sink = FileSink(target)
    sink.publish(A)
    inode = target.stat().st_ino
    assert sink.publish(B)
    assert target.read_text() == "nvidia.com/a=3\n"
    assert target.stat().st_ino != inode


def test_previous_content_is_replaced(target: Path) -> None:
    target.write_bytes(b"\xff\n")
    sink = FileSink(target)
    assert sink.publish(A)
    assert target.read_text() == TEXT
    # Later too: 8 GiB without a block of its own, a pipe.
    os.truncate(target, 8 << 30)
    assert sink.publish(A)
    assert target.read_text() == TEXT
    target.unlink()
    os.mkfifo(target)
    assert sink.publish(A)
    assert target.read_text() == TEXT
    target.unlink()
    target.mkdir()
    assert "this is a directory; set --output-file to a file" in fail(sink)


def test_link_is_replaced(target: Path, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text(TEXT)
    target.symlink_to(victim)
    assert FileSink(target).publish(A)
    assert not target.is_symlink()
    assert victim.read_text() == TEXT


def test_recreated_directory(tmp_path: Path) -> None:
    target = tmp_path / "features.d" / "gfd"
    target.parent.mkdir()
    sink = FileSink(target)
    sink.publish(A)
    target.parent.rename(tmp_path / "old")
    assert "create it, mount NFD's feature directory there" in fail(sink)
    target.parent.mkdir()
    assert sink.publish(A)
    assert target.read_text() == TEXT


def test_missing_directory(target: Path) -> None:
    message = fail(FileSink(target.parent / "gone" / "gfd"))
    assert message == (
        f"sink file: {target.parent}/gone/gfd: {target.parent}/gone: No such file or directory; create it, "
        "mount NFD's feature directory there, or set another --output-file"
    )


def test_target_is_a_directory(target: Path) -> None:
    target.mkdir()
    assert fail(FileSink(target)) == (
        f"sink file: {target}: this is a directory; set --output-file to a file, or leave it empty for "
        "standard output"
    )


def test_special_files_are_not_replaced(target: Path, tmp_path: Path) -> None:
    os.mkfifo(target)
    assert "this is not a regular file" in fail(FileSink(target))
    (tmp_path / "stdout").symlink_to("/dev/null")
    assert "this is not a regular file" in fail(FileSink(tmp_path / "stdout"))
    assert target.is_fifo()
    assert (tmp_path / "stdout").is_symlink()
    (tmp_path / "loop").symlink_to("loop")
    assert "Too many levels of symbolic links" in fail(FileSink(tmp_path / "loop"))


def test_directory_is_a_file(target: Path) -> None:
    target.write_text("")
    assert "Not a directory; set --output-file to a file in a directory" in fail(FileSink(target / "gfd"))


def on_a_file_system(options: str, script: str) -> list[str]:
    """Run a script on a file system of its own, at /mnt, and return the lines that it prints."""
    command = f"mount -t tmpfs -o {options} none /mnt && exec {sys.executable} -c '{script}'"
    done = subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", command],
        capture_output=True,
        check=False,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
    assert done.stderr == ""
    return done.stdout.splitlines()


PUBLISH = """
from pathlib import Path
from gfd.errors import PublishError
from gfd.publishing.sinks.file import FileSink
sink = FileSink(Path("/mnt/gfd"))
def publish(labels):
    try:
        sink.publish(labels)
    except PublishError as error:
        print(error, error.retryable)
"""


def test_full_device() -> None:
    fill = """
publish({"a": "old"})
try:
    with open("/mnt/filler", "wb", buffering=0) as filler:
        while True:
            filler.write(b"x" * 4096)
except OSError:
    pass
publish({f"nvidia.com/{n}": "new" for n in range(2000)})
print(Path("/mnt/gfd").read_text())
"""
    assert on_a_file_system("size=64k", PUBLISH + fill) == [
        "sink file: /mnt/gfd: No space left on device; the previous labels stay True",
        "a=old",
        "",
    ]


def test_read_only_file_system() -> None:
    assert on_a_file_system("ro", PUBLISH + 'publish({"a": "1"})') == [
        (
            "sink file: /mnt/gfd: /mnt: Read-only file system; mount it writable, or set another "
            "--output-file False"
        )
    ]


def test_file_too_large_for_nfd(target: Path) -> None:
    many = {f"nvidia.com/label-{number:04}": "x" * 63 for number in range(1000)}
    with pytest.raises(PublishError, match=f"bytes of labels, and NFD reads at most {MAX_BYTES}"):
        FileSink(target).publish(many)
    assert not target.exists()


def test_two_writers(target: Path) -> None:
    first = FileSink(target)
    first.publish(A)
    second = FileSink(target)
    assert f"another gfd (process {os.getpid()}) writes this file" in fail(second)
    assert target.read_text() == TEXT
    first.close()
    assert second.publish(B)


def test_expiring_labels(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_800_000_000.0
    monkeypatch.setattr("gfd.publishing.sinks.file.time.time", lambda: now_s)
    sink = FileSink(target, ttl_s=600)
    assert sink.publish(A)
    assert target.read_text() == "# +expiry-time=2027-01-15T08:10:00Z\n" + TEXT
    now_s += 299
    assert not sink.publish(A)
    now_s += 2
    assert sink.publish(A)
    assert split_expiry(target.read_text()) == (now_s + 600, TEXT)
    now_s -= 86_400
    assert sink.publish(A)
    assert split_expiry(target.read_text()) == (now_s + 600, TEXT)
    sink.close()
    assert FileSink(target).publish(A)
    assert target.read_text() == TEXT


def test_labels_are_renewed_before_the_next_cycles(target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1_800_000_000.0
    monkeypatch.setattr("gfd.publishing.sinks.file.time.time", lambda: now_s)
    sink = FileSink(target, ttl_s=100, renew_s=98)
    sink.publish(A)
    now_s += 1
    assert not sink.publish(A)
    now_s += 1
    assert sink.publish(A)


def test_malformed_expiry() -> None:
    assert split_expiry("# +expiry-time=soon\na=b\n") == (None, "# +expiry-time=soon\na=b\n")
    assert split_expiry(format_expiry(0) + "a=b\n") == (0, "a=b\n")


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("", {}),
        (" a=b \n\n#c=d\ne\nf=g=h\ni =j\n", {"a": "b", "e": "true", "f": "g=h", "i ": "j"}),
        ("a=1\na=2\n", {"a": "2"}),
        ("# +expiry-time=1970-01-01T00:01:40Z\na=b\n", {"a": "b"}),
        ("# +expiry-time=1970-01-01T00:01:39Z\na=b\n", {}),
        ("a=b\n# +expiry-time=1970-01-01T00:01:39Z\nc=d\n# +expiry-time= 2070-01-01T00:00:00Z\ne=f", None),
        ("# +expiry-time=soon\na=b\n", {"a": "b"}),
        ("# +no-label\na=b\nc=d\n# +no-feature\ne=f\n", {"c": "d", "e": "f"}),
        ("a=b\n# +no-label\na=c\n", {}),
    ],
)
def test_features_as_nfd_reads_them(text: str, labels: dict[str, str] | None) -> None:
    assert parse_features(text, 100.0) == ({"a": "b", "e": "f"} if labels is None else labels)


def test_preview(target: Path) -> None:
    sink = FileSink(target)
    sink.publish(A)
    (target.parent / "rack").write_text("nvidia.com/rack=7\nnvidia.com/b=4\nexample.com/x=1\n")
    (target.parent / ".hidden").write_text("nvidia.com/hidden=1\n")
    (target.parent / "large").write_text("nvidia.com/large=1\n" + "#" * MAX_BYTES)
    os.truncate(target.parent / "large", 8 << 30)
    (target.parent / "folder").mkdir()
    os.mkfifo(target.parent / "pipe")
    before = target.stat().st_mtime_ns
    assert FileSink(target).preview({"nvidia.com/a": "3", "nvidia.com/c": "5"}) == [
        PlannedChange(key="nvidia.com/a", now="1", then="3"),
        PlannedChange(key="nvidia.com/b", now="2", then=None, holders=("rack",)),
        PlannedChange(key="nvidia.com/c", now=None, then="5"),
        PlannedChange(key="nvidia.com/rack", now="7", then="7", holders=("rack",)),
    ]
    assert target.stat().st_mtime_ns == before


def test_preview_of_expired_labels(target: Path) -> None:
    target.write_text(format_expiry(0) + TEXT)
    found = FileSink(target).preview({"nvidia.com/a": "1"})
    assert found == [PlannedChange(key="nvidia.com/a", now=None, then="1")]


def test_preview_of_an_unusable_target(target: Path) -> None:
    with pytest.raises(PublishError, match="No such file or directory; create it, mount"):
        FileSink(target.parent / "gone" / "gfd").preview(A)
    os.mkfifo(target)
    with pytest.raises(PublishError, match="this is not a regular file; set --output-file to a file"):
        FileSink(target).preview(A)


def test_remove(target: Path) -> None:
    sink = FileSink(target)
    sink.publish(A)
    with pytest.raises(PublishError, match="another gfd"):
        FileSink(target).withdraw()
    sink.close()
    (target.parent / "other").write_text("")
    assert FileSink(target).withdraw()
    assert [path.name for path in target.parent.iterdir()] == ["other"]
    assert not FileSink(target).withdraw()
    assert not FileSink(target.parent / "gone" / "gfd").withdraw()


def test_remove_keeps_other_files(target: Path) -> None:
    other = FileSink(target.parent / "gfd2")
    other.publish(B)
    sink = FileSink(target)
    sink.publish(A)
    sink.close()
    assert FileSink(target).withdraw()
    assert other.publish(A)


def test_remove_refuses_a_directory(target: Path) -> None:
    target.mkdir()
    with pytest.raises(PublishError, match="this is a directory"):
        FileSink(target).withdraw()


def test_changes_by_others_are_reported(target: Path) -> None:
    sink, told = FileSink(target, ttl_s=600), list[Drift]()
    sink.inspect()
    sink.watch(told.append)
    sink.inspect()
    sink.publish(A)
    os.utime(target)
    sink.inspect()
    assert told == []

    def change(how: Callable[[], object]) -> tuple[str, tuple[str, ...]]:
        told.clear()
        how()
        sink.inspect()
        (drift,) = told
        assert (drift.sink, drift.is_rival, drift.is_urgent) == ("file", True, True)
        assert sink.publish(A)
        sink.inspect()
        assert told == [drift]
        return drift.what, drift.keys

    changed = ("labels", ("nvidia.com/a", "nvidia.com/b"))
    assert change(target.unlink) == ("deleted", ())
    assert change(lambda: target.write_text("nvidia.com/b=3\n")) == changed
    assert change(lambda: target.write_text(TEXT)) == ("labels", ())
    assert change(lambda: os.truncate(target, 8 << 30)) == changed
    target.unlink()
    assert change(lambda: os.mkfifo(target)) == changed
    target.unlink()
    assert change(lambda: target.symlink_to("other")) == changed
    # What is withdrawn, or nobody asks about, may change.
    sink.withdraw()
    target.write_text("nvidia.com/b=3\n")
    told.clear()
    sink.inspect()
    assert told == []


def test_existing_labels_are_watched(target: Path) -> None:
    target.write_text(TEXT)
    sink, told = FileSink(target), list[Drift]()
    sink.watch(told.append)
    assert not sink.publish(A)
    target.unlink()
    sink.inspect()
    assert [drift.what for drift in told] == ["deleted"]
