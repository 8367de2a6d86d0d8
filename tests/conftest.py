from __future__ import annotations

import pytest
from hypothesis import settings

# Deadlines are timed tests. `tox -e lowest` looks longer.
settings.register_profile("quick", deadline=None, max_examples=25)
settings.register_profile("thorough", deadline=None, max_examples=200)
settings.load_profile("quick")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite tests/golden with the labels of today"
    )
