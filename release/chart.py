"""The Helm chart, with NFD's chart inside, which stays off until nfd.enabled is set."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

from release.archives import normalize
from release.programs import ReleaseError, run
from release.source import Source

FOLDER = Path("manifests/helm/gfd-with-nfd")


def build(source: Source, output: Path, *, image: str, nfd_repository: str, is_plain_http: bool) -> Path:
    """Package the chart; return the .tgz.

    ``image`` becomes the default of image.repository, and ``nfd_repository`` replaces where NFD's chart comes
    from; both may be empty.
    """
    with tempfile.TemporaryDirectory() as folder:
        chart = Path(folder) / "gfd"
        left_out = shutil.ignore_patterns("charts", "Chart.lock")
        # This follows the links to the files of the other chart.
        shutil.copytree(source.folder / FOLDER, chart, ignore=left_out)
        if image:
            _replace(
                chart / "values.yaml", r"(?<=^image:\n)(  #.*\n)  repository: .*", rf"\1  repository: {image}"
            )
        if nfd_repository:
            _replace(chart / "Chart.yaml", r"^  repository: .*", f"  repository: {nfd_repository}")
        run("helm", "dependency", "update", chart, *(["--plain-http"] if is_plain_http else ()))
        # It holds the time of now; the version in Chart.yaml is exact.
        (chart / "Chart.lock").unlink()
        run("helm", "package", chart, "--destination", output)
    packed = output / f"gfd-{source.version}.tgz"
    if not packed.exists():
        raise ReleaseError(
            f"{FOLDER}/Chart.yaml: the version is not {source.version}, as in setup.cfg; set it"
        )
    normalize(packed, source.commit_time)
    return packed


def publish(packed: Path, charts: str, *, is_plain_http: bool) -> None:
    """Push the chart to an OCI registry, to a folder such as oci://registry.example/charts."""
    run("helm", "push", packed, charts, *(["--plain-http"] if is_plain_http else ()))


def _replace(file: Path, pattern: str, text: str) -> None:
    changed, count = re.subn(pattern, text, file.read_text(), flags=re.MULTILINE)
    assert count == 1, file
    file.write_text(changed)
