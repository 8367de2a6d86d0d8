from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gfd.errors import TemplateError
from gfd.labels import template_files
from gfd.labels.template_files import TemplateFile

if TYPE_CHECKING:
    from pathlib import Path


def test_every_template_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    for name in ("b.j2", "_a.j2", "extra/c.j2", "notes.txt", ".hidden.j2"):
        (tmp_path / name).write_text(name)
    assert template_files.read(tmp_path) == tuple(
        TemplateFile(name=name, path=str(tmp_path / name), text=name)
        for name in ("_a.j2", "b.j2", "extra/c.j2")
    )


def test_a_config_map(tmp_path: Path) -> None:
    (tmp_path / "..2026").mkdir()
    (tmp_path / "..2026" / "mine.j2").write_text("text")
    (tmp_path / "..data").symlink_to("..2026")
    (tmp_path / "mine.j2").symlink_to("..data/mine.j2")
    assert [(source.name, source.text) for source in template_files.read(tmp_path)] == [("mine.j2", "text")]


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"the directory cannot be read: No such file or directory; "):
        template_files.read(tmp_path / "gone")


def test_a_binary_file(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(TemplateError, match=r"mine\.j2: cannot be read: line 1 is not text in UTF-8$"):
        template_files.read(tmp_path)


def test_an_unreadable_file(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").symlink_to("/proc/self/mem")
    with pytest.raises(TemplateError, match=r"mine\.j2: cannot be read: Input/output error$"):
        template_files.read(tmp_path)


def test_too_many_bytes(tmp_path: Path) -> None:
    for name in ("a.j2", "b.j2"):
        (tmp_path / name).write_text("#" * (1 << 19) + "\n")
    with pytest.raises(TemplateError, match=r"contains more than 1 MiB of templates"):
        template_files.read(tmp_path)
    (tmp_path / "b.j2").write_text("")
    os.truncate(tmp_path / "b.j2", 3 << 30)
    with pytest.raises(TemplateError, match=r"b\.j2: cannot be read: it holds more than 1 MiB$"):
        template_files.read(tmp_path)


def test_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "mine.j2")
    with pytest.raises(TemplateError, match=r"mine\.j2: cannot be read: it is a pipe, not a regular file$"):
        template_files.read(tmp_path)


def test_a_world_writable_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("")
    tmp_path.chmod(0o777)
    with pytest.raises(TemplateError, match=r"everybody.*chmod o-w"):
        template_files.read(tmp_path)
