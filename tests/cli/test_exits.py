"""The exit codes and signals, and that nothing else ends gfd."""

from __future__ import annotations

import ast
import signal
from pathlib import Path

import gfd
from gfd.cli.exits import SIGNALS, ExitCode
from gfd.worker.signals import END_SIGNALS, RELOAD_SIGNAL

SOURCES = sorted(Path(gfd.__file__).parent.rglob("*.py"))
# Only gfd sees the exit codes of the processes that read the hardware.
INNER = {"worker/child_main.py", "worker/parent_death.py", "worker/fork_server_main.py"}


def test_the_exit_codes() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "DONE": 0,
        "FAILED": 1,
        "MISUSED": 2,
        "UNDECIDED": 3,
    }
    assert all(code.meaning.endswith(".") and len(code.meaning) <= 75 for code in ExitCode)


def test_the_signals_of_the_service() -> None:
    assert [each for taken, _ in SIGNALS for each in taken] == [*END_SIGNALS, RELOAD_SIGNAL]
    assert {*END_SIGNALS, RELOAD_SIGNAL} == {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP}


def test_nothing_else_ends_gfd() -> None:
    exits = set()
    for path in SOURCES:
        name = str(path.relative_to(SOURCES[0].parent))
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {
                "sys.exit",
                "os._exit",
                "exit",
                "quit",
            }:
                exits.add((name, ast.unparse(node.args[0])))
            elif isinstance(node, ast.Name) and node.id == "SystemExit":
                exits.add((name, node.id))
    assert {each for each in exits if each[0] not in INNER} == {
        ("cli/__init__.py", "code"),
        ("__main__.py", "128 + number"),
    }
