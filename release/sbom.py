"""Bills of materials in CycloneDX: the pinned Python packages, and for an image Debian's packages too."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.parser import HeaderParser
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from release import images
from release.programs import run
from release.source import Source

REQUIREMENTS = Path("manifests/image/requirements.txt")
DPKG_STATUS = "var/lib/dpkg/status"
DISTRIBUTION = "debian-13"
"""That of the Dockerfile's base image, in the words of package URLs."""


def write(source: Source, file: Path, *, image: Path | None = None) -> Path:
    """Write what gfd needs, or what the archive of an image holds."""
    command = ("requirements", "--output-reproducible", source.folder / REQUIREMENTS)
    bom = Bom.from_json(json.loads(run(sys.executable, "-m", "cyclonedx_py", *command)))
    purl = PackageURL("pypi", name="gfd", version=source.version)
    own = Component(name="gfd", version=source.version, type=ComponentType.APPLICATION, purl=purl)
    own.bom_ref.value = str(purl)
    bom.metadata.component = own
    bom.metadata.timestamp = datetime.fromtimestamp(source.commit_time, UTC)
    bom.serial_number = uuid5(NAMESPACE_URL, f"{file.name} {source.commit_time}")
    if image is not None:
        status = images.read_file(image, DPKG_STATUS).decode()
        for component in _read_debian(status):
            bom.components.add(component)
    bom.register_dependency(own, bom.components)
    JsonV1Dot6(bom).output_to_file(str(file), allow_overwrite=True, indent=2)
    return file


def _read_debian(status: str) -> Iterator[Component]:
    """Yield the packages in dpkg's list of installed packages."""
    for paragraph in status.strip().split("\n\n"):
        fields = HeaderParser().parsestr(paragraph)
        name, version, architecture = (fields[key] for key in ("Package", "Version", "Architecture"))
        qualifiers = {"arch": architecture, "distro": DISTRIBUTION}
        purl = PackageURL("deb", "debian", name, version, qualifiers)
        found = Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl)
        found.bom_ref.value = str(purl)
        yield found
