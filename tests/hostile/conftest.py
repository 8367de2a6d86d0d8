from __future__ import annotations

from collections.abc import Iterator

import pytest

from gfd import text
from tests.hostile.server import NODE, Hostile, hostile, reply


@pytest.fixture
def server() -> Iterator[Hostile]:
    """A server that answers every request with a Node."""
    with hostile(lambda method, path: reply(NODE)) as started:
        yield started


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Forget the credentials that a test has read."""
    yield
    text._credentials.clear()
