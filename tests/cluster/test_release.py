"""The files that ``tox -e release`` makes, but for the images, which tests/image builds."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

import gfd
from tests import registry
from tests.cluster import programs
from tests.cluster.manifests import find_one
from tests.cluster.test_chart_with_nfd import STANDIN
from tests.image.sources import ROOT, pins

pytestmark = pytest.mark.cluster

COPIED = (
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "gfd",
    "manifests",
    "pyproject.toml",
    "setup.cfg",
    "share",
)
STEM = f"gfd-{gfd.__version__}"
FILES = [
    "SHA256SUMS",
    f"{STEM}-py3-none-any.whl",
    f"{STEM}.cdx.json",
    f"{STEM}.tar.gz",
    f"{STEM}.tgz",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """The command of a release, on a copy of this checkout with the tag of its version."""

    folder: Path
    registry: str

    def run(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        homes = ("HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME")
        environ = os.environ | {name: str(self.folder / name) for name in homes}
        environ["PATH"] = f"{programs.find('helm').parent}:{os.environ['PATH']}"
        fixed = ("--source", self.folder / "checkout", "--nfd-repository", f"file://{self.folder}/nfd")
        return subprocess.run(
            (sys.executable, "-m", "release", *fixed, *arguments),
            cwd=ROOT,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )

    def render(self, chart: str | Path, *arguments: str) -> list[Any]:
        helm = (programs.find("helm"), "template", "gfd", chart, "--kube-version=1.37.0")
        done = subprocess.run((*helm, *arguments), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return list(yaml.safe_load_all(done.stdout))


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    for module in ("build", "cyclonedx", "setuptools"):
        if not importlib.util.find_spec(module):
            pytest.skip(f"{module}: not installed; pip install build cyclonedx-bom setuptools")
    if reason := registry.missing():
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("release")
    for name in (*COPIED, "templates"):
        source, target = ROOT / name, folder / "checkout" / name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "Chart.lock", "charts")
            shutil.copytree(source, target, symlinks=True, ignore=ignored)
        else:
            shutil.copy(source, target)
    for name, text in STANDIN.items():
        (folder / "nfd" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "nfd" / name).write_text(text)
    git = ("git", "-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgSign=false")
    for words in ("init -q", "add .", "commit -qm all", f"tag v{gfd.__version__}"):
        subprocess.run((*git, *words.split()), cwd=folder / "checkout", check=True)
    with registry.serve(folder) as address:
        yield Command(folder=folder, registry=address)


def test_a_release(command: Command) -> None:
    output = command.folder / "dist"
    arguments = ("--parts=packages,chart", "--output", output, "--image=registry.example/gfd")
    charts = f"oci://{command.registry}/charts"
    done = command.run(*arguments, "--publish", "--charts", charts, "--plain-http")
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in output.iterdir()) == FILES
    told = [line.split()[1] for line in done.stdout.splitlines()]
    assert sorted(Path(path).name for path in told) == FILES
    checked = subprocess.run(
        ("sha256sum", "--check", "SHA256SUMS"), cwd=output, capture_output=True, check=True
    )
    assert checked.stdout.count(b": OK\n") == len(FILES) - 1

    with tarfile.open(output / f"{STEM}.tar.gz") as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
        assert {"setup.cfg", "gfd/__main__.py", "templates/single.j2", "share/man/man1/gfd.1"} <= names
        assert len({member.mtime for member in sdist}) == 1

    packed = output / f"{STEM}.tgz"
    alone = command.render(packed)
    (container,) = find_one(alone, "DaemonSet")["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example/gfd:{gfd.__version__}"
    with_nfd = command.render(packed, "--set=nfd.enabled=true")
    assert len(with_nfd) == len(alone) + 1
    assert command.render(f"{charts}/gfd", "--plain-http") == alone

    listed = json.loads((output / f"{STEM}.cdx.json").read_text())
    assert (listed["bomFormat"], listed["metadata"]["component"]["purl"]) == (
        "CycloneDX",
        f"pkg:pypi/gfd@{gfd.__version__}",
    )
    assert {each["name"]: each["version"] for each in listed["components"]} == pins()

    again = command.run(*arguments)
    assert (again.returncode, again.stderr) == (
        1,
        f"release: {output} is not empty; remove what an earlier run left there: rm -r {output}\n",
    )
    second = command.folder / "second"
    assert command.run("--parts=chart", "--output", second, "--image=registry.example/gfd").returncode == 0
    for name in (packed.name, f"{STEM}.cdx.json"):
        assert (second / name).read_bytes() == (output / name).read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--publish", "--trial"), "release: --publish and --trial exclude each other; tag the commit"),
        (("--publish",), "release: --publish needs --image to know where to; pass it"),
        (
            ("--publish", "--image=registry.example/gfd"),
            "release: --publish needs --charts to know where to; pass it",
        ),
        (
            ("--image=registry.example/gfd:1",),
            "argument --image: 'registry.example/gfd:1' is not a",
        ),
        (("--charts=registry.example",), "argument --charts: 'registry.example' does not begin with oci://"),
        (("--output=setup.cfg/dist",), "setup.cfg/dist: Not a directory; name another folder"),
        (("--parts=wheel",), "argument --parts: unknown: wheel; choose from packages, chart, images"),
        (("--architectures=arm",), "argument --architectures: unknown: arm; choose from amd64, arm64"),
        (
            ("--parts=chart", "--nfd-repository=file:///missing"),
            "release: helm dependency update ",
        ),
    ],
)
def test_wrong_use(command: Command, tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = command.run("--output", tmp_path / "dist", *arguments)
    assert done.returncode == (2 if said.startswith("argument") else 1)
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_images_of_all_targets_and_architectures(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """buildah is only recorded here; tests/image runs it."""
    from release import __main__, images, sbom

    calls: list[str] = []

    def record(*arguments: str | Path) -> str:
        words = [str(each) for each in arguments]
        calls.append(" ".join(words))
        if words[-1].startswith("oci-archive:"):
            Path(words[-1].split(":")[1]).touch()
        return ""

    def write(_source: object, file: Path, **_options: object) -> Path:
        file.touch()
        return file

    monkeypatch.setattr(images, "run", record)
    monkeypatch.setattr(sbom, "write", write)
    monkeypatch.setattr(__main__, "check", lambda _program: None)
    output, checkout = tmp_path / "dist", str(command.folder / "checkout")
    chosen = ["--parts=images", "--base=debian@sha256:0", "--build-option=--pull-never"]
    asked = ["--source", checkout, "--output", str(output), "--image=registry.example/gfd", "--publish"]
    assert __main__.main([*asked, *chosen]) == 0
    stems = [f"{STEM}-image-amd64", f"{STEM}-image-arm64"]
    stems_of_operator = [f"{STEM}-operator-image-amd64", f"{STEM}-operator-image-arm64"]
    assert sorted(path.name for path in output.iterdir()) == sorted(
        [
            *("SHA256SUMS", f"{STEM}.cdx.json", *(f"{stem}.cdx.json" for stem in stems)),
            *(f"{stem}.tar" for stem in (*stems, *stems_of_operator)),
        ]
    )
    builds = [call for call in calls if call.startswith("buildah build ")]
    assert [re.findall(r"--(?:platform|target)=(\S+)", call) for call in builds] == [
        ["linux/amd64", "gfd"],
        ["linux/amd64", "operator"],
        ["linux/arm64", "gfd"],
        ["linux/arm64", "operator"],
    ]
    assert all(" --build-arg=BASE=debian@sha256:0 " in call and " --pull-never " in call for call in builds)
    archives = [call.rpartition("oci-archive:")[2] for call in calls if "oci-archive:" in call]
    assert (
        archives[1] == f"{output}/{stems_of_operator[0]}.tar:registry.example/gfd:{gfd.__version__}-operator"
    )
    # After everything was built: what is published is complete.
    published = [call for call in calls if " docker://" in call]
    assert [call.rpartition("docker://")[2] for call in published] == [
        f"registry.example/gfd:{gfd.__version__}",
        f"registry.example/gfd:{gfd.__version__}-operator",
    ]
    assert min(map(calls.index, published)) > max(map(calls.index, builds))


def test_the_targets_are_those_of_the_dockerfile() -> None:
    from release.images import TARGETS

    text = (ROOT / "manifests/image/Dockerfile").read_text()
    assert set(TARGETS) == set(re.findall(r"^FROM \S+ AS (\w+)$", text, re.MULTILINE)) - {"build", "common"}
