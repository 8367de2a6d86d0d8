"""What this machine tells apt and pip, for the processes of a build: mirrors, proxies, certificates.

On a usual machine there is nothing to tell. Proxies in the environment are buildah's own business.
"""

from __future__ import annotations

import ast
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
"""In the words of images."""
CERTIFICATES = "/run/machine/ca.crt"
"""Where a build finds them: the usual place is for the package ca-certificates to write to."""

_APT = re.compile(r"Acquire::(https?|retries|check-\w)", re.IGNORECASE)
_PIP = {"extra-index-url", "find-links", "index-url", "no-index", "proxy", "timeout", "trusted-host"}


def mirror() -> list[str]:
    """Return where this machine has Debian's packages from; nothing where only debootstrap knows."""
    wanted = ("Created-By: Packages", "Origin: Debian", "Label: Debian")
    found = _output("apt-get", "indextargets", "--format", "$(REPO_URI)", *wanted)
    return found[:1]


def volumes(folder: Path) -> list[str]:
    """Write settings into ``folder``; return what to mount, as ``source:target:ro``."""
    apt, pip = folder / "apt.conf", folder / "pip.conf"
    apt.write_text("".join(f"{line}\n" for line in _output("apt-config", "dump") if _APT.match(line)))
    settings = _pip_settings()
    certificates = settings.pop("cert", None) or os.environ.get("SSL_CERT_FILE")
    mounts = [(apt, "/etc/apt/apt.conf.d/99machine"), (pip, "/etc/pip.conf")]
    if certificates:
        settings["cert"] = CERTIFICATES
        mounts.append((Path(certificates), CERTIFICATES))
    mounts += [(Path(link), link) for link in settings.get("find-links", "").split() if Path(link).is_dir()]
    pip.write_text("".join(["[global]\n", *(f"{name} = {value}\n" for name, value in settings.items())]))
    return [f"{source}:{target}:ro" for source, target in mounts]


def _pip_settings() -> dict[str, str]:
    """Return what pip was told by files and environment, the latter last."""
    found = {}
    for line in _output(sys.executable, "-m", "pip", "config", "list"):
        key, _, value = line.partition("=")
        found[key.rpartition(".")[2]] = str(ast.literal_eval(value)).replace("\n", " ")
    return {name: value for name, value in found.items() if name in _PIP | {"cert"}}


def _output(*command: str) -> list[str]:
    if not shutil.which(command[0]):
        return []
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
