"""The files in which processes leave what coverage measured."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path


def remove_unfinished(data_file: Path) -> None:
    """Remove the files beside ``data_file`` whose processes were killed while they wrote them.

    Tests kill gfd at any moment. Coverage would warn about each such file.
    """
    for path in data_file.parent.glob(f"{data_file.name}.*"):
        if not _is_complete(path):
            path.unlink(missing_ok=True)


def _is_complete(path: Path) -> bool:
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT version FROM coverage_schema").fetchone() is not None
    return False
