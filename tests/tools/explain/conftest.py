"""Fixtures for the tests of gfd explain."""

from __future__ import annotations

import pytest

from gfd import cli
from tests.tools.explain.command import Explain


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Explain:
    """Run gfd explain in this process: exit code, standard output, standard error."""

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(("explain", *argv), environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
