"""Fixtures for the tests of gfd doctor."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.tools.doctor import bundle
from tests.tools.doctor.machines import lay_out


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return the folder of a machine with one GPU."""
    return lay_out(tmp_path / "root")


@pytest.fixture(autouse=True)
def _hide_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the home folder, the kubeconfig and the service account of the machine that runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(bundle, "_TOKEN", tmp_path / "token")
