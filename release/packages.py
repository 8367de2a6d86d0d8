"""The Python packages: sdist and wheel."""

from __future__ import annotations

import sys
from pathlib import Path

from release.archives import normalize
from release.programs import run
from release.source import Source


def build(source: Source, output: Path) -> list[Path]:
    """Build the sdist, and the wheel from the sdist; return both files."""
    settings = {"SOURCE_DATE_EPOCH": str(source.commit_time)}
    # tox installs setuptools beside build.
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", output, source.folder, environ=settings)
    sdist, wheel = output / f"gfd-{source.version}.tar.gz", output / f"gfd-{source.version}-py3-none-any.whl"
    normalize(sdist, source.commit_time)
    return [wheel, sdist]
