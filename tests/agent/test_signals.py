"""Signals that come while gfd starts."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.agent.running import A100
from tests.standin import build, environment

pytestmark = pytest.mark.whole

PROGRAM = """
import os, sys
where, number, *sys.argv = sys.argv[1:]
def hook(event, arguments):
    if event == "import" and arguments[0] == where:
        os.kill(os.getpid(), int(number))
sys.modules.pop(where, None)  # what measures coverage imports signal, too
sys.addaudithook(hook)
from gfd.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "module", ["signal", "gfd.cli", "gfd.config.options", "gfd.agent.cycle", "gfd.agent.service", "structlog"]
)
def test_a_signal_during_the_imports(tmp_path: Path, module: str, number: signal.Signals) -> None:
    build(tmp_path / "lib")
    (tmp_path / "features.d").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module, str(int(number)), "gfd", "-o", "features.d/gfd"],
        env=environment(tmp_path / "lib", A100.write(tmp_path / "machine")),
        cwd=tmp_path,
        capture_output=True,  # to the end of both pipes: nobody who holds them is left
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode in (-number, 1)
    assert "Traceback" not in done.stderr
