"""What the image is made from: the Dockerfile and the pins."""

from __future__ import annotations

import configparser
import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import gfd
from tests.image.sources import DOCKERFILE, EXCLUDES, PYTHON, REQUIREMENTS, ROOT, pins


def test_what_gfd_asks_for_is_pinned() -> None:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    pinned = pins()
    for line in parser["options"]["install_requires"].split("\n")[1:]:
        asked = Requirement(line)
        assert asked.specifier.contains(pinned[canonicalize_name(asked.name)]), asked
    for line in parser["options.extras_require"]["cli"].split("\n")[1:]:
        assert canonicalize_name(Requirement(line).name) not in pinned


def test_nothing_comes_without_a_hash() -> None:
    blocks = re.split(r"^(?=\S)", REQUIREMENTS.read_text(), flags=re.MULTILINE)
    assert [block for block in blocks if "==" in block and "--hash=sha256:" not in block] == []
    assert len([block for block in blocks if "==" in block]) == len(pins())


def test_the_file_of_pins_says_how_it_is_made() -> None:
    assert REQUIREMENTS.read_text().splitlines()[1].split() == [
        *("#", "uv", "pip", "compile", "setup.cfg", "--excludes", str(EXCLUDES.relative_to(ROOT))),
        *("--python-version", PYTHON, "--python-platform", "linux", "--generate-hashes"),
        *("-o", str(REQUIREMENTS.relative_to(ROOT))),
    ]


def test_the_version_is_gfds() -> None:
    text = DOCKERFILE.read_text()
    assert re.findall(r"-t (\S+) \.$", text, re.MULTILINE) == [f"gfd:{gfd.__version__}"]
    assert re.findall(r"image\.version=(\S+)", text) == [gfd.__version__]


def test_kubernetes_asks_for_its_health_and_not_the_image() -> None:
    instructions = set(re.findall(r"^[A-Z]+", DOCKERFILE.read_text(), re.MULTILINE))
    known = {"ARG", "COPY", "ENTRYPOINT", "ENV", "FROM", "LABEL", "RUN", "USER", "WORKDIR"}
    assert instructions == known


@pytest.mark.slow
def test_there_are_wheels_for_the_other_architecture(tmp_path: Path) -> None:
    other = {"x86_64": "aarch64"}.get(platform.machine(), "x86_64")
    tags = [f"--platform=manylinux{tag}_{other}" for tag in ("2014", "_2_28")]
    wanted = ("--no-deps", "--require-hashes", "--only-binary=:all:", "-r", REQUIREMENTS)
    pip = (sys.executable, "-m", "pip", "download", "-q", "--dest", tmp_path, f"--python-version={PYTHON}")
    subprocess.run((*pip, *tags, *wanted), check=True)
    assert len(list(tmp_path.iterdir())) == len(pins())
