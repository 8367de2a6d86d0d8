"""Helpers for tests that run gfd explain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gfd.inventory import snapshot
from tests.make import inventory

Explain = Callable[..., tuple[int | None, str, str]]
DOC = ("--simulate", "mig-doc", "--mig", "all-1g.5gb", "--mig-strategy", "single", "--no-timestamp")


def save(folder: Path, *gpus: Any, **fields: Any) -> str:
    """Write a snapshot, and return its name."""
    path = folder / "node.json"
    path.write_text(snapshot.to_json(inventory(*gpus, **fields)))
    return str(path)
