"""The container images: each target of the Dockerfile for each architecture, as OCI archives."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from release.programs import run

DOCKERFILE = Path("manifests/image/Dockerfile")
TARGETS = {"gfd": "", "operator": "-operator"}
"""What the tag of each target adds to the version."""
ARCHITECTURES = ("amd64", "arm64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """buildah, with what one machine or one release tells it."""

    source: Path
    """The root of the checkout."""
    command: tuple[str, ...] = ("buildah",)
    options: tuple[str, ...] = ()
    """Additional options of ``buildah build``."""
    base: str = ""
    """The base image, in place of the Dockerfile's."""
    time: int | None = None
    """The time of the image and its files, in seconds since 1970; None means now."""

    def build(self, target: str, architecture: str, name: str) -> str:
        """Build an image under ``name``; return the name."""
        settings = [f"--platform=linux/{architecture}", f"--target={target}", f"--tag={name}"]
        settings += ["--layers", "--identity-label=false"]
        settings += [f"--build-arg=BASE={self.base}"] if self.base else []
        settings += [f"--timestamp={self.time}"] if self.time is not None else []
        self.run("build", *settings, *self.options, "--file", self.source / DOCKERFILE, self.source)
        return name

    def save(self, name: str, archive: Path, reference: str) -> Path:
        """Write an image to a file; ``reference`` is its name for those who load it."""
        self.run("push", "--quiet", name, f"oci-archive:{archive}:{reference}")
        return archive

    def publish(self, names: Iterable[str], reference: str, *, is_plain_http: bool) -> None:
        """Push images of several architectures to a registry under one name."""
        index = f"localhost/gfd-release:{reference.rpartition(':')[2]}"
        self.run("manifest", "create", index)
        try:
            for name in names:
                self.run("manifest", "add", index, f"containers-storage:{name}")
            tls = f"--tls-verify={str(not is_plain_http).lower()}"
            self.run("manifest", "push", "--all", tls, index, f"docker://{reference}")
        finally:
            self.run("manifest", "rm", index)

    def run(self, *arguments: str | Path) -> str:
        return run(*self.command, *arguments)


def read_file(archive: Path, name: str) -> bytes:
    """Return a file of the image in an archive. Raises KeyError if no layer has it."""
    with tarfile.open(archive) as packed:

        def blob(digest: str) -> bytes:
            content = packed.extractfile(f"blobs/{digest.replace(':', '/')}")
            assert content is not None
            return content.read()

        def read_json(content: bytes) -> dict[str, list[dict[str, str]]]:
            found: dict[str, list[dict[str, str]]] = json.loads(content)
            return found

        index = packed.extractfile("index.json")
        assert index is not None
        (entry,) = read_json(index.read())["manifests"]
        for layer in reversed(read_json(blob(entry["digest"]))["layers"]):
            blob_file = packed.extractfile(f"blobs/{layer['digest'].replace(':', '/')}")
            with tarfile.open(fileobj=blob_file) as files:
                if name in files.getnames():
                    found = files.extractfile(name)
                    assert found is not None
                    return found.read()
    raise KeyError(name)
