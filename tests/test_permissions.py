"""Which files and directories everybody can change."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gfd.files import describe_unsafe_directory, describe_unsafe_file

REPOSITORY = Path(__file__).parents[1]
MOUNT = """
mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" || exit 77
shift
exec "$@"
"""


def explain(path: Path, mode: int) -> str:
    return (
        f"everybody can write to {path} (mode {mode:04o}), and so change the labels; "
        f"run chmod o-w {path}, or mount it read-only"
    )


def lay_out(folder: Path) -> Path:
    """A folder as a ConfigMap is mounted: every name a link to the version of today."""
    top = folder / "templates"
    (top / "..2026/extra").mkdir(parents=True)
    (top / "..2026/none.j2").write_text("")
    (top / "..2026/extra/rack.j2").write_text("")
    (top / "..data").symlink_to("..2026")
    (top / "none.j2").symlink_to("..data/none.j2")
    (top / "extra").symlink_to("..data/extra")
    (top / "broken.j2").symlink_to("nowhere")
    (top / "loop").symlink_to(".")
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    return top


def test_a_directory_that_only_its_owner_can_write(tmp_path: Path) -> None:
    top = lay_out(tmp_path)
    tmp_path.chmod(0o1777)
    (tmp_path / "beside").touch()
    (tmp_path / "beside").chmod(0o666)
    assert describe_unsafe_directory(top) is None


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_directory_that_everybody_can_write(tmp_path: Path, mode: int) -> None:
    top = lay_out(tmp_path)
    top.chmod(mode)
    assert describe_unsafe_directory(top) == explain(top, mode)
    # By a link to it, too.
    (tmp_path / "link").symlink_to(top)
    assert describe_unsafe_directory(tmp_path / "link") == explain(tmp_path / "link", mode)


@pytest.mark.parametrize(
    ("name", "seen_as", "mode"),
    [
        ("..2026", "..2026", 0o1777),
        ("..2026/none.j2", "..2026/none.j2", 0o666),
        ("..2026/extra", "..2026/extra", 0o777),
        ("..2026/extra/rack.j2", "..2026/extra/rack.j2", 0o646),
        ("../elsewhere.j2", "linked.j2", 0o666),
    ],
)
def test_an_entry_that_everybody_can_write(tmp_path: Path, name: str, seen_as: str, mode: int) -> None:
    top = lay_out(tmp_path)
    (tmp_path / "elsewhere.j2").touch()
    (top / "linked.j2").symlink_to("../elsewhere.j2")
    assert describe_unsafe_directory(top) is None
    (top / name).chmod(mode)
    assert describe_unsafe_directory(top) == explain(top / seen_as, mode)


def test_a_link_into_a_directory_that_everybody_can_write(tmp_path: Path) -> None:
    top = lay_out(tmp_path)
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared/rack.j2").touch()
    (top / "rack.j2").symlink_to("../shared/rack.j2")
    (tmp_path / "shared").chmod(0o1777)
    assert describe_unsafe_directory(top) is None
    (tmp_path / "shared").chmod(0o777)
    assert describe_unsafe_directory(top) == explain(tmp_path / "shared", 0o777)


def test_a_file_that_only_its_owner_can_write(tmp_path: Path) -> None:
    top = lay_out(tmp_path)
    for mode in (0o755, 0o1777):
        top.chmod(mode)
        assert describe_unsafe_file(top / "none.j2") is None


def test_a_file_that_everybody_can_write(tmp_path: Path) -> None:
    top = lay_out(tmp_path)
    (top / "..2026/none.j2").chmod(0o666)
    for name in ("none.j2", "..2026/none.j2"):
        assert describe_unsafe_file(top / name) == explain(top / name, 0o666)


def test_a_file_that_everybody_can_replace(tmp_path: Path) -> None:
    top = lay_out(tmp_path)
    (top / "..2026").chmod(0o777)
    assert describe_unsafe_file(top / "none.j2") == explain(top / "..2026", 0o777)
    top.chmod(0o777)
    assert describe_unsafe_file(top / "none.j2") == explain(top, 0o777)


@pytest.mark.parametrize("describe", [describe_unsafe_directory, describe_unsafe_file])
def test_a_missing_file_is_not_unsafe(tmp_path: Path, describe: Callable[[Path], str | None]) -> None:
    assert describe(tmp_path / "nothing") is None


def test_a_device_is_safe() -> None:
    assert describe_unsafe_file(Path(os.devnull)) is None


def test_a_directory_that_disappears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = lay_out(tmp_path)

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert describe_unsafe_directory(top) is None


ASK = """
import sys
from pathlib import Path
from gfd.files import describe_unsafe_directory, describe_unsafe_file
top = Path(sys.argv[1])
print(describe_unsafe_directory(top))
print(describe_unsafe_file(top / "none.j2"))
"""


def test_a_read_only_mount_is_safe(tmp_path: Path) -> None:
    top = lay_out(tmp_path)
    for path in (top, top / "..2026", top / "..2026/none.j2"):
        path.chmod(0o777)
    ask = [sys.executable, "-c", ASK, str(top)]

    def run(*command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *ask], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
        )

    assert run().stdout == f"{explain(top, 0o777)}\n{explain(top / 'none.j2', 0o777)}\n"
    mounted = run("unshare", "--mount", "sh", "-c", MOUNT, "sh", str(top))
    if mounted.returncode == 77 or mounted.stderr.startswith("unshare:"):
        pytest.skip(f"mounting is refused here: {mounted.stderr.strip()}")
    assert mounted.stderr == ""
    assert mounted.stdout == "None\nNone\n"


def test_a_link_to_itself_is_not_unsafe(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    assert describe_unsafe_file(tmp_path / "loop") is None
