from __future__ import annotations

from collections.abc import Iterator

import pytest

from gfd import text


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Forget the credentials that a test has read."""
    yield
    text._credentials.clear()
