"""Runs the image by runc, the runtime under most kubelets, in the security context of a manifest."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.image.builder import Image
from tests.image.sources import ROOT

PATIENCE_S = 60.0
KEPT_MOUNTS = ("/proc", "/dev", "/dev/shm", "/sys")
"""Of those that runc proposes."""


def _security() -> dict[str, Any]:
    """Return what manifests/base asks for."""
    manifest = yaml.safe_load((ROOT / "manifests/base/daemonset.yaml").read_text())
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    context: dict[str, Any] = container["securityContext"]
    return context


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """What a kubelet would ask for, but for the network, which is the host's."""

    image: Image
    folder: Path
    """Where descriptions of runs are written to."""
    security: Mapping[str, Any] = field(default_factory=_security)
    """The container's securityContext, as of Kubernetes."""
    mounts: Mapping[str, Path] = field(default_factory=dict)
    """Read-only ones, by target."""
    writable: Mapping[str, Path] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    command: Sequence[str] = ()
    """In place of the image's entry point, as of Kubernetes."""

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run the entry point until it ends; return exit code, standard output and error."""
        with self.start(*arguments) as process:
            output, errors = process.communicate(timeout=PATIENCE_S)
            return process.returncode, output, errors

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Yield a process that is to the entry point what its shim is: it hands on signals and exit code."""
        name = f"gfd-test-{uuid.uuid4().hex}"
        bundle = self.folder / name
        bundle.mkdir()
        (bundle / "config.json").write_text(json.dumps(self._describe(bundle, arguments)))
        runc = ("runc", "--root", bundle / "state")
        process = subprocess.Popen(
            (*runc, "run", "--bundle", bundle, name),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            subprocess.run((*runc, "delete", "--force", name), check=False, stderr=subprocess.DEVNULL)
            process.communicate(timeout=PATIENCE_S)

    def _describe(self, bundle: Path, arguments: Sequence[str]) -> dict[str, Any]:
        subprocess.run(("runc", "spec", "--bundle", bundle), check=True)
        description: dict[str, Any] = json.loads((bundle / "config.json").read_bytes())
        config, security = self.image.config, self.security
        added = [f"CAP_{name}" for name in security["capabilities"].get("add", ())]
        assert security["capabilities"]["drop"] == ["ALL"]
        user, group = config["User"].split(":")
        description["process"] |= {
            "terminal": False,
            "user": {
                "uid": security.get("runAsUser", int(user)),
                "gid": security.get("runAsGroup", int(group)),
            },
            "args": [*(self.command or config["Entrypoint"]), *arguments],
            "env": [*config["Env"], *(f"{name}={value}" for name, value in self.environ.items())],
            "cwd": config.get("WorkingDir", "/"),
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), added),
            "noNewPrivileges": not security["allowPrivilegeEscalation"],
        }
        description["root"] = {"path": str(self.image.root), "readonly": security["readOnlyRootFilesystem"]}
        description["mounts"] = [
            *(each for each in description["mounts"] if each["destination"] in KEPT_MOUNTS),
            *(_bind(target, source, "ro") for target, source in self.mounts.items()),
            *(_bind(target, source, "rw") for target, source in self.writable.items()),
        ]
        namespaces = description["linux"]["namespaces"]
        description["linux"]["namespaces"] = [each for each in namespaces if each["type"] != "network"]
        return description


def _bind(target: str, source: Path, access: str) -> dict[str, Any]:
    return {"destination": target, "type": "bind", "source": str(source), "options": ["bind", access]}
