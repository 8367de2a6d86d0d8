"""Builds the image, on a base that debootstrap makes, for no registry can be asked.

Base and layers are kept in a folder outside the checkout: two to four minutes at first, half a minute after a
change of gfd. What Debian has changed since is seen when that folder is gone.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.image import machine
from tests.image.sources import DOCKERFILE, ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    root: Path
    """Its root file system, unpacked."""
    config: dict[str, Any]
    """What its OCI configuration says about containers."""
    operator: dict[str, Any]
    """The same of the target ``operator``, which has the same files."""
    packed_bytes: int
    """What a node pulls."""


class Store:
    """A folder of images, of which buildah knows nothing else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def buildah(self, *arguments: str | Path) -> str:
        """Run buildah; return its standard output. Raises AssertionError with all that it said."""
        places = ("--root", self.folder / "images", "--runroot", self.folder / "run")
        done = subprocess.run(
            ("buildah", *places, *arguments), capture_output=True, text=True, check=False, cwd=ROOT
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.strip()

    def build(self, *arguments: str | Path) -> str:
        settings = ("--isolation", "chroot", "--layers", "--pull-never", "--identity-label=false")
        return self.buildah("build", *settings, *arguments, "-f", DOCKERFILE, ROOT)


@contextmanager
def store() -> Iterator[Store]:
    """Yield the store, for one at a time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = cache / "gfd-tests" / "image"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Store(folder)


def build(folder: Path) -> Image:
    """Carry out the Dockerfile, on a base like its default one; unpack the image into ``folder``."""
    (folder / "machine").mkdir()
    mounts = [f"--volume={each}" for each in machine.volumes(folder / "machine")]
    with store() as images:
        settings = (*mounts, f"--build-arg=BASE={_ensure_base(images)}")
        # The name keeps the layers of that stage when those of no name are thrown away.
        images.build(*settings, "--target", "build", "-t", "stage")
        images.build(*settings, "-t", "gfd")
        images.build(*settings, "--target", "operator", "-t", "operator")
        operator = json.loads(images.buildah("inspect", "--type", "image", "operator"))["OCIv1"]["config"]
        images.buildah("rmi", "--prune")
        images.buildah("push", "gfd", f"oci:{folder}/packed:gfd")
    return _unpack(folder / "packed", folder / "root", operator)


def _ensure_base(images: Store) -> str:
    """Return the name of the base, which debootstrap made."""
    (default,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    base = f"localhost/{default}"
    names = json.loads(images.buildah("images", "--json"))
    if base in [name for each in names for name in each["names"] or ()]:
        return base
    images.buildah("rm", "--all")
    release = base.rpartition(":")[2].removesuffix("-slim")
    container = images.buildah("from", "scratch")
    root = Path(images.buildah("mount", container))
    debootstrap = ("debootstrap", "--variant=minbase", release, str(root), *machine.mirror())
    subprocess.run(debootstrap, stdout=subprocess.DEVNULL, check=True)
    for archive in root.glob("var/cache/apt/archives/*.deb"):
        archive.unlink()
    images.buildah("commit", "--rm", container, base)
    return base


def _unpack(packed: Path, root: Path, operator: dict[str, Any]) -> Image:
    """Unpack a folder in the OCI image layout."""

    def read(digest: str) -> Any:
        return json.loads(blob(digest).read_bytes())

    def blob(digest: str) -> Path:
        return packed / "blobs" / digest.replace(":", "/")

    (entry,) = json.loads((packed / "index.json").read_bytes())["manifests"]
    manifest = read(entry["digest"])
    root.mkdir()
    for layer in manifest["layers"]:
        subprocess.run(("tar", "-xpf", blob(layer["digest"]), "--numeric-owner", "-C", root), check=True)
    return Image(
        root=root,
        config=read(manifest["config"]["digest"])["config"],
        operator=operator,
        packed_bytes=sum(layer["size"] for layer in manifest["layers"]),
    )
