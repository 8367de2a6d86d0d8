"""gfd explain on terminals, in pipes and in other locales."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.make import gpu
from tests.tools.explain.command import DOC, Explain, save

pytestmark = pytest.mark.whole


def test_control_characters_are_escaped(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, gpu(0, name="A100\x1b[2J\u202e"))
    _, out, _ = explain("gpu.product", "--inventory", path)
    assert r"Gpu.name = A100\x1b[2J\u202e of GPU 0" in out
    code, _, err = explain("a\x1b[2J\nb", "--inventory", path)
    assert (code, err) == (1, "gfd: gfd does not write nvidia.com/a\\x1b[2J\\nb\n")


def in_terminal(columns: int, *words: str, **environ: str) -> str:
    """Return what gfd explain writes to a terminal."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = (sys.executable, "-m", "gfd", "explain", *words)
    with subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", **environ},
    ) as run:
        os.close(terminal)
        written = b""
        while True:
            try:
                piece = os.read(controller, 1 << 16)
            except OSError:  # the terminal has closed
                break
            written += piece
        assert run.wait() == 0
    os.close(controller)
    return written.decode().replace("\r\n", "\n")


def test_an_explanation_fits_on_the_screen() -> None:
    arguments = ("--simulate", "dgx-a100", "--mig", "all-1g.5gb", "--mig-strategy", "single")
    out = in_terminal(80, "gpu.product", *arguments, NO_COLOR="1")
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[-2].strip() == "and 49 more; a pipe or -o json shows all"
    assert "\x1b" not in out


def test_a_narrow_terminal_in_colour() -> None:
    out = in_terminal(60, "gpu.family", "mig.strategy", *DOC, NO_COLOR="")
    family, _, strategy = out.partition("\n\n")
    assert family.startswith("""\
\x1b[1mnvidia.com/gpu.family\x1b[0m=ampere
  The GPU's architecture, by its compute capability or its
  chip: ampere, hopper, …
  unit        name
  written by  _resources.j2, line 27: {{ key }}.family={{
              resource.family }}
  when        with a GPU, for the resource gpu, if the GPU
              has a compute capability, or was found with
              vfio
  made from   Gpu.compute_capability = 8, 0 of GPU 0, from
              nvmlDeviceGetCudaComputeCapability
  devices     GPU 0 MIG 0, gi/ci 7/0,
              MIG-9a964624-31e6-526d-993b-7cac090a2e5f
              GPU 0 MIG 1, gi/ci 8/0,
""")
    assert (
        strategy
        == """\
\x1b[1mnvidia.com/mig.strategy\x1b[0m=single
  The MIG strategy in force: the resource gpu counts MIG
  devices of one profile.
  unit        name
  written by  single.j2, line 6:
              nvidia.com/mig.strategy=single
  when        with --mig-strategy single, with a GPU
  made from   --mig-strategy = single (command line)
  value from  the simulated machine mig-doc
"""
    )
    table = in_terminal(60, *DOC, NO_COLOR="1").splitlines()
    assert max(map(len, table)) <= 60
    assert len(table) == 35


def test_a_locale_without_utf_8() -> None:
    environ = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "",
    }
    command = (sys.executable, "-m", "gfd", "explain", "gpu.family", *DOC)
    out = subprocess.run(command, capture_output=True, check=True, env=environ).stdout
    assert b"ampere, hopper, \\u2026\n" in out


def test_a_reader_that_closes_the_pipe() -> None:
    command = f"{sys.executable} -m gfd explain {' '.join(DOC)} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["label", "value", "unit", "meaning"], "")
