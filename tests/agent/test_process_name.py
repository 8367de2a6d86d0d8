"""The name by which config-manager finds the service, and sends it SIGHUP."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gfd.agent.process_name import show_original_name
from gfd.config.options import ORIGINAL
from tests.agent.running import A100, wait
from tests.standin import build, environment

STAT = "7 (a (b) c) S " + " ".join(["0"] * 44) + " {} {}" + " 0 0 0\n"
SCRIPT = "#!{}\nfrom gfd.__main__ import main\nmain()\n"


def write_proc(folder: Path, cmdline: bytes, *, length: int | None = None) -> Path:
    """Write what the kernel tells of a process whose arguments are at address 16."""
    (folder / "cmdline").write_bytes(cmdline)
    (folder / "stat").write_text(STAT.format(16, 16 + (len(cmdline) if length is None else length)))
    (folder / "mem").write_bytes(b"#" * 16 + cmdline + b"#")
    return folder


def test_the_name_replaces_the_interpreter(tmp_path: Path) -> None:
    line = b"/usr/bin/python3\0-I\0/usr/local/bin/gpu-feature-discovery\0--sleep-interval=5s\0\0"
    show_original_name("/usr/local/bin/gpu-feature-discovery", write_proc(tmp_path, line))
    shown = b"gpu-feature-discovery\0--sleep-interval=5s\0\0".ljust(len(line), b"\0")
    assert (tmp_path / "mem").read_bytes() == b"#" * 16 + shown + b"#"


@pytest.mark.parametrize(
    ("called_as", "cmdline"),
    [
        ("/usr/local/bin/gfd", b"/usr/bin/python3\0/usr/local/bin/gfd\0"),
        ("/src/gfd/__main__.py", b"/usr/bin/python3\0-m\0gfd\0"),
        ("gpu-feature-discovery", b"gpu-feature-discovery\0"),
        ("/x/gpu-feature-discovery", b"/usr/bin/python3\0-c\0pass\0"),
    ],
)
def test_other_processes_keep_their_arguments(tmp_path: Path, called_as: str, cmdline: bytes) -> None:
    show_original_name(called_as, write_proc(tmp_path, cmdline))
    assert (tmp_path / "mem").read_bytes() == b"#" * 16 + cmdline + b"#"


def test_a_kernel_that_does_not_tell_or_has_no_proc(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        show_original_name(f"/x/{ORIGINAL}", tmp_path)
    line = f"python3\0/x/{ORIGINAL}\0".encode()
    with pytest.raises(OSError, match="the kernel does not tell where the arguments of the process are"):
        show_original_name(f"/x/{ORIGINAL}", write_proc(tmp_path, line, length=0))
    assert (tmp_path / "mem").read_bytes() == b"#" * 16 + line + b"#"


@pytest.mark.whole
@pytest.mark.parametrize("name", [ORIGINAL, "gfd"])
def test_the_running_service(tmp_path: Path, name: str) -> None:
    build(tmp_path / "lib")
    (tmp_path / "features.d").mkdir()
    program = tmp_path / name
    program.write_text(SCRIPT.format(sys.executable))
    program.chmod(0o755)
    given = ("--machine-type-file=", "--log-format=json", f"--output-file={tmp_path}/features.d/gfd")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(
            (program, *given),
            env=environment(tmp_path / "lib", A100.write(tmp_path / "machine")),
            stderr=log,
        )
    try:
        wait((tmp_path / "features.d" / "gfd").exists, "the labels")
        shown = Path(f"/proc/{process.pid}/cmdline").read_bytes().rstrip(b"\0").decode().split("\0")
        called = [ORIGINAL] if name == ORIGINAL else [sys.executable, str(program)]
        assert shown == [*called, *given]
        process.send_signal(signal.SIGHUP)
        wait(lambda: b"config.re" in (tmp_path / "log").read_bytes(), "the reload")
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
