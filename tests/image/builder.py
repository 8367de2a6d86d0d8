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
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from release.images import TARGETS, Builder
from tests.image import machine
from tests.image.sources import DOCKERFILE, ROOT

REFERENCE = "registry.example/gfd:0"
TIME = 1_000_000_000
"""The same in every run: what time layers have decides whether they are built again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    archive: Path
    """As a release has it."""
    root: Path
    """Its root file system, unpacked."""
    config: dict[str, Any]
    """What its OCI configuration says about containers."""
    operator: dict[str, Any]
    """The same of the target ``operator``, which has the same files."""
    packed_bytes: int
    """What a node pulls."""


@contextmanager
def store() -> Iterator[Builder]:
    """Yield the builder of a release, with a folder of images of its own, for one at a time."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    folder = cache / "gfd-tests" / "image"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        places = ("--root", str(folder / "images"), "--runroot", str(folder / "run"))
        yield Builder(
            source=ROOT,
            command=("buildah", *places),
            options=("--isolation=chroot", "--pull-never"),
            time=TIME,
        )


def build(folder: Path) -> Image:
    """Carry out the Dockerfile, on a base like its default one; unpack the image into ``folder``."""
    (folder / "machine").mkdir()
    mounts = [f"--volume={each}" for each in machine.volumes(folder / "machine")]
    with store() as known:
        builder = replace(known, base=_ensure_base(known), options=(*known.options, *mounts))
        # The name keeps the layers of that stage when those of no name are thrown away.
        builder.build("build", machine.ARCHITECTURE, "stage")
        for target in TARGETS:
            builder.build(target, machine.ARCHITECTURE, target)
        operator = json.loads(builder.run("inspect", "--type", "image", "operator"))["OCIv1"]["config"]
        builder.run("rmi", "--prune")
        archive = builder.save("gfd", folder / "gfd.tar", REFERENCE)
    packed = folder / "packed"
    packed.mkdir()
    subprocess.run(("tar", "-xf", archive, "-C", packed), check=True)
    return _unpack(archive, packed, folder / "root", operator)


def _ensure_base(images: Builder) -> str:
    """Return the name of the base, which debootstrap made."""
    (default,) = re.findall(r"^ARG BASE=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE)
    base = f"localhost/{default}"
    names = json.loads(images.run("images", "--json"))
    if base in [name for each in names for name in each["names"] or ()]:
        return base
    images.run("rm", "--all")
    release = base.rpartition(":")[2].removesuffix("-slim")
    container = images.run("from", "scratch")
    root = Path(images.run("mount", container))
    debootstrap = ("debootstrap", "--variant=minbase", release, str(root), *machine.mirror())
    subprocess.run(debootstrap, stdout=subprocess.DEVNULL, check=True)
    for archive in root.glob("var/cache/apt/archives/*.deb"):
        archive.unlink()
    images.run("commit", "--rm", container, base)
    return base


def _unpack(archive: Path, packed: Path, root: Path, operator: dict[str, Any]) -> Image:
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
        archive=archive,
        root=root,
        config=read(manifest["config"]["digest"])["config"],
        operator=operator,
        packed_bytes=sum(layer["size"] for layer in manifest["layers"]),
    )
