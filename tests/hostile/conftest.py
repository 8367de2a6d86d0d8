from __future__ import annotations

from collections.abc import Iterator

import pytest

from gfd import text


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    """Let what one test reads as a credential be no secret to the next."""
    yield
    text._credentials.clear()
