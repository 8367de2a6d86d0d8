"""What the image is made from."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = ROOT / "manifests/image/Dockerfile"
REQUIREMENTS = ROOT / "manifests/image/requirements.txt"
EXCLUDES = ROOT / "manifests/image/excludes.txt"
PYTHON = "3.13"
"""The Python of the base image."""


def pins() -> dict[str, str]:
    """Return the versions of all packages in the image but gfd, by name."""
    return dict(re.findall(r"^(\S+)==(\S+) \\$", REQUIREMENTS.read_text(), re.MULTILINE))


def left_out() -> set[str]:
    """Return the packages that others ask for and the image lacks."""
    return {line for line in EXCLUDES.read_text().splitlines() if not line.startswith("#")}
