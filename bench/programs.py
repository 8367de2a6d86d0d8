"""The programs that are compared, and how they are told to do the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.figure import GFD, ORIGINAL

PYTHON = [sys.executable, *(["-S"] if sys.flags.no_site else [])]
COMMON = ("--no-timestamp", "--mig-strategy=mixed")
NO_API, FEATURE_API = "--use-node-feature-api=false", "--use-node-feature-api=true"
"""Understood by both; the original's default is true."""


def commands() -> dict[str, list[str]]:
    """Return gfd, and the original where ``GFD_PEER`` names it, without any option."""
    found = {GFD: [*PYTHON, "-m", "gfd"]}
    if peer := os.environ.get("GFD_PEER"):
        found[ORIGINAL] = [peer]
    return found


def telling(program: str) -> list[str]:
    """Return one of both as it tells of each cycle in its log; the original always does."""
    return [*commands()[program], *COMMON, *(["--log-level=debug"] if program == GFD else [])]


def compared() -> dict[str, list[str]]:
    """Return both as they are compared on feature files and standard output."""
    return {name: [*command, *COMMON, NO_API] for name, command in commands().items()}


def build_floor(folder: Path) -> Path:
    """Compile the C program that makes the same NVML calls."""
    source, program = Path(__file__).with_name("floor.c"), folder / "floor"
    subprocess.run(["gcc", "-O2", "-std=gnu11", "-o", program, source, "-ldl"], check=True)
    return program
