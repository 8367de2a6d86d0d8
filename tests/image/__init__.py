"""The container image, really built and really run, by Debian's packages alone: no daemon, no registry.

:func:`build` carries out the Dockerfile and unpacks what a registry would get, :class:`Container` runs it as
a kubelet would have it run.
"""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.image.builder import Image, build
from tests.image.container import PATIENCE_S, Container
from tests.image.sources import ROOT

__all__ = ["PATIENCE_S", "ROOT", "Container", "Image", "build", "missing"]

PROGRAMS = ("buildah", "debootstrap", "runc")


def missing() -> str:
    """Return why no image can be built here, and what to do about it; empty if one can."""
    absent = [program for program in PROGRAMS if not shutil.which(program)]
    if absent:
        return f"{', '.join(absent)}: not on PATH; apt-get install {' '.join(absent)}"
    if os.geteuid() or subprocess.run(("unshare", "--mount", "true"), check=False).returncode:
        return "mounting is not allowed here; run the tests as root, and in a container as a privileged one"
    return ""
