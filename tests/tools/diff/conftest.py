from __future__ import annotations

import pytest

from gfd import cli
from tests.cli import Gfd


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str]) -> Gfd:
    """Run gfd in this process: exit code, standard output, standard error."""

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(argv, environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
