from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.coverage_data import remove_unfinished


def test_files_of_killed_processes_are_removed(tmp_path: Path) -> None:
    create = "CREATE TABLE coverage_schema (version INTEGER)"
    statements = {
        "quick.a": (create, "INSERT INTO coverage_schema VALUES (7)"),
        "quick.b": (create,),
        "quick.c": ("CREATE TABLE file (id INTEGER)",),
        "whole.d": (create,),
    }
    for name, each in statements.items():
        with closing(sqlite3.connect(tmp_path / name)) as database, database:
            for statement in each:
                database.execute(statement)
    (tmp_path / "quick.empty").touch()
    (tmp_path / "quick.cut").write_bytes((tmp_path / "quick.a").read_bytes()[:1000])
    (tmp_path / "whole.empty").touch()
    remove_unfinished(tmp_path / "quick")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["quick.a", "whole.d", "whole.empty"]
