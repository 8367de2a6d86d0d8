"""Commands with a closed pipe, with a locale without UTF-8, and on a narrow terminal."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pseudoterminal import typed

pytestmark = pytest.mark.whole

COMMANDS = {
    "diff": ("diff", "--simulate=mig-doc", "--no-timestamp", "--output-file=gfd"),
    "doctor": ("doctor", "--simulate=mig-doc", "--output-file=gfd", "--kubeconfig=/gone"),
    "dump --draw": ("dump", "--simulate=mig-doc", "--mig=all-balanced", "--draw", "-o=table"),
}
COLUMNS = 60


@pytest.fixture(params=list(COMMANDS.values()), ids=list(COMMANDS))
def command(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[str, ...]:
    monkeypatch.chdir(tmp_path)
    # A label that was published and is not rendered, with letters that not every locale has.
    (tmp_path / "gfd").write_text("nvidia.com/gr\u00f6\u00dfe=1\n", encoding="utf-8")
    words: tuple[str, ...] = request.param
    return words


def test_a_locale_without_utf_8(command: tuple[str, ...]) -> None:
    settings = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}
    done = subprocess.run(
        (sys.executable, "-m", "gfd", *command), capture_output=True, check=False, env=os.environ | settings
    )
    assert done.returncode == (1 if command[0] == "diff" else 0)
    assert done.stdout
    assert done.stdout.isascii()
    assert b"Traceback" not in done.stderr
    assert (b"nvidia.com/gr\\xf6\\xdfe" in done.stdout) is (command[0] == "diff")


def test_a_reader_that_closes_the_pipe(command: tuple[str, ...]) -> None:
    line = shlex.join((sys.executable, "-m", "gfd", *command))
    done = subprocess.run(("bash", "-c", f"{line} | head -n 1"), capture_output=True, text=True, check=False)
    assert done.stdout.count("\n") == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_closed_streams(tmp_path: Path) -> None:
    """As a shell closes them, and some ways to start a service do."""
    gfd = f"{sys.executable} -m gfd"

    def run(line: str) -> tuple[int, str, str]:
        done = subprocess.run(
            ("bash", "-c", line), capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    unwritten = "gfd: cannot write the output: Bad file descriptor\n"
    assert run(f"{gfd} dump --simulate=t4 >&-") == (1, "", unwritten)
    once = f"{gfd} --simulate=t4 --no-timestamp --oneshot --output-file=gfd"
    assert run(f"{once} <&- >&- 2>&-") == (0, "", "")
    assert (tmp_path / "gfd").read_text().count("\n") == 25
    assert run(f"{gfd} nonsense 2>&-") == (2, "", "")


def test_a_warning_that_nobody_reads_does_not_stop_the_output(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("version: v1\nnonsense: 1\n")
    words = "--simulate=t4 --oneshot --output-file=gfd --config-file=config.yaml"
    # Where its buffer keeps what could not be written, the next to flush it fails.
    environ = os.environ | {"PYTHONUNBUFFERED": ""}
    line = f"{{ sleep 0.5; {sys.executable} -m gfd {words}; echo $? >code; }} 2>&1 >/dev/null | true"
    subprocess.run(("bash", "-c", line), check=True, cwd=tmp_path, timeout=60, env=environ)
    assert (tmp_path / "code").read_text() == "0\n"
    assert (tmp_path / "gfd").exists()


def test_a_narrow_terminal(command: tuple[str, ...]) -> None:
    with typed(*command, columns=COLUMNS) as terminal:
        text = terminal.read_all()
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    assert terminal.process.returncode == (1 if command[0] == "diff" else 0)
    assert "Traceback" not in plain
    # Labels and paths are whole, and the terminal breaks them; what is laid out keeps to the width.
    laid_out = [
        line for line in plain.splitlines() if not line.startswith(("nvidia.com/", "--sink", "gfd: "))
    ]
    assert laid_out
    assert [line for line in laid_out if len(line) > COLUMNS] == []
