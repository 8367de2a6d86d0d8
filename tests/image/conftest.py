from __future__ import annotations

from pathlib import Path

import pytest

from tests.image import Container, Image, build, missing


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Image:
    if reason := missing():
        pytest.skip(reason)
    return build(tmp_path_factory.mktemp("image"))


@pytest.fixture
def agent(built: Image, tmp_path: Path) -> Container:
    return Container(image=built, folder=tmp_path)
