"""Run the programs that build a release."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent

_INSTALL = {
    "buildah": "install buildah 1.28 or newer (apt-get install buildah), or leave out the part images",
    "git": "install git",
    "helm": "install Helm 3.17 or newer (https://helm.sh/docs/intro/install/), or leave out the part chart",
}


class ReleaseError(Exception):
    """Say what cannot be released, and what to do next."""


def check(program: str | Path) -> None:
    """Raise ReleaseError if a program is not installed."""
    name = Path(program).name
    if not shutil.which(program):
        raise ReleaseError(f"{name}: not on PATH; {_INSTALL.get(name, f'install {name}')}")


def run(*command: str | Path, environ: Mapping[str, str] | None = None, folder: Path = ROOT) -> str:
    """Run a program; return its standard output. Raises ReleaseError with what it printed."""
    check(command[0])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        raise ReleaseError(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said}")
    return done.stdout.strip()
