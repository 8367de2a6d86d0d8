"""Compare whole outputs with the files in ``golden/``; ``pytest --update-golden`` rewrites them."""

from __future__ import annotations

from pathlib import Path

import pytest

FOLDER = Path(__file__).parent / "golden"


def check(request: pytest.FixtureRequest, name: str, text: str) -> None:
    path = FOLDER / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert text == path.read_text()
