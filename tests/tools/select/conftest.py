from __future__ import annotations

from collections.abc import Callable

import pytest

from gfd import cli

Gfd = Callable[..., tuple[int | None, str, str]]


@pytest.fixture
def gfd(capsys: pytest.CaptureFixture[str]) -> Gfd:
    """Run gfd select in this process: exit code, standard output, standard error."""

    def run(*argv: str) -> tuple[int | None, str, str]:
        code = cli.run(("select", *argv), {})
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run
