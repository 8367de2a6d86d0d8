"""The images as ``tox -e release`` publishes them: bill of materials, archive, registry."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pytest

import gfd
from release.images import read_file
from release.source import Source
from tests import registry
from tests.image import Image
from tests.image.builder import REFERENCE, store
from tests.image.machine import ARCHITECTURE
from tests.image.sources import ROOT, pins
from tests.image.test_contents import PACKAGES

INDEX = "application/vnd.oci.image.index.v1+json"

pytestmark = pytest.mark.slow


def test_the_bill_of_materials_lists_what_scanners_find(built: Image, tmp_path: Path) -> None:
    if not importlib.util.find_spec("cyclonedx"):
        pytest.skip("cyclonedx: not installed; pip install cyclonedx-bom")
    from release import sbom

    source = Source(folder=ROOT, version=gfd.__version__, commit_time=1_600_000_000)
    written = sbom.write(source, tmp_path / "image.cdx.json", image=built.archive)
    listed = json.loads(written.read_text())["components"]
    of_python = {each["name"]: each["version"] for each in listed if each["purl"].startswith("pkg:pypi/")}
    of_debian = {each["name"] for each in listed if each["purl"].startswith("pkg:deb/debian/")}
    assert (of_python, of_debian) == (pins(), PACKAGES)
    assert len(listed) == len(of_python) + len(of_debian)
    (libc,) = [each for each in listed if each["name"] == "libc6"]
    assert libc["purl"] == (
        f"pkg:deb/debian/libc6@{quote(libc['version'])}?arch={ARCHITECTURE}&distro=debian-13"
    )


def test_the_archive(built: Image) -> None:
    assert read_file(built.archive, "etc/os-release") == (built.root / "usr/lib/os-release").read_bytes()
    with pytest.raises(KeyError, match="etc/shadow"):
        read_file(built.archive, "etc/shadow")
    index = json.loads(
        subprocess.run(("tar", "-xOf", built.archive, "index.json"), capture_output=True, check=True).stdout
    )
    (entry,) = index["manifests"]
    assert entry["annotations"] == {"org.opencontainers.image.ref.name": REFERENCE}


def test_a_registry_gets_one_name_for_all_architectures(built: Image, tmp_path: Path) -> None:
    if reason := registry.missing():
        pytest.skip(reason)
    with registry.serve(tmp_path) as address, store() as builder:
        for _ in range(2):
            builder.publish(["localhost/gfd"], f"{address}/gfd:{gfd.__version__}", is_plain_http=True)
        wanted = urllib.request.Request(
            f"http://{address}/v2/gfd/manifests/{gfd.__version__}", headers={"Accept": INDEX}
        )
        with urllib.request.urlopen(wanted) as response:
            index = json.loads(response.read())
    (entry,) = index["manifests"]
    assert entry["platform"] == {"architecture": ARCHITECTURE, "os": "linux"}
