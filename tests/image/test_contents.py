"""What the image holds."""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

import gfd
from tests.image import Image
from tests.image.sources import PYTHON, left_out, pins

pytestmark = pytest.mark.slow

PROGRAMS = {"gfd", "gpu-feature-discovery", "python3", f"python{PYTHON}"}
SHELLS = {"ash", "bash", "busybox", "csh", "dash", "ksh", "rbash", "sh", "toybox", "zsh"}
PACKAGES = {
    *("base-files", "ca-certificates", "libbz2-1.0", "libc-bin", "libc6", "libexpat1", "libffi8"),
    *("libgcc-s1", "liblzma5", "libpython3.13-minimal", "libpython3.13-stdlib", "libssl3t64", "libuuid1"),
    *("libzstd1", "openssl", "python3.13-minimal", "zlib1g"),
}
"""Debian's, of which there is something in the image."""

MAX_BYTES = 75_000_000
MAX_PACKED_BYTES = 27_000_000


def test_the_configuration(built: Image) -> None:
    assert built.config == {
        "User": "65532:65532",
        "Entrypoint": ["gfd"],
        "Env": [
            "PATH=/usr/local/bin:/usr/bin",
            "LANG=C.UTF-8",
            "PYTHONDONTWRITEBYTECODE=1",
            "NVIDIA_VISIBLE_DEVICES=all",
            "NVIDIA_DRIVER_CAPABILITIES=compute,utility",
            "USE_NODE_FEATURE_API=true",
        ],
        "Labels": {
            "org.opencontainers.image.title": "gfd",
            "org.opencontainers.image.description": "GPU labels that Kubernetes can trust",
            "org.opencontainers.image.version": gfd.__version__,
            "org.opencontainers.image.licenses": "Apache-2.0",
            "org.opencontainers.image.base.name": "localhost/debian:trixie-slim",
        },
    }


def test_the_configuration_for_the_gpu_operator(built: Image) -> None:
    """The operator says no user."""
    assert built.operator == built.config | {"User": "0:0"}


def test_no_shell_and_no_other_program(built: Image) -> None:
    folders = [built.root / "usr" / name for name in ("bin", "sbin", "local/bin")]
    assert {file.name for folder in folders for file in folder.iterdir()} == PROGRAMS
    assert {path.name for path in built.root.rglob("*")} & SHELLS == set()


def test_all_is_roots_and_everybody_may_read_it(built: Image) -> None:
    states = {str(path.relative_to(built.root)): path.lstat() for path in built.root.rglob("*")}
    assert {(state.st_uid, state.st_gid) for state in states.values()} == {(0, 0)}
    modes = {path: state.st_mode for path, state in states.items() if not stat.S_ISLNK(state.st_mode)}
    assert [path for path, mode in modes.items() if mode & (stat.S_ISUID | stat.S_ISGID)] == []
    assert [path for path, mode in modes.items() if mode & stat.S_IWOTH] == ["tmp"]
    assert [path for path, mode in modes.items() if not mode & stat.S_IROTH] == []


def test_the_weight(built: Image) -> None:
    unpacked_bytes = sum(path.lstat().st_size for path in built.root.rglob("*"))
    print(f"{unpacked_bytes / 1e6:.1f} MB, packed {built.packed_bytes / 1e6:.1f} MB")
    assert unpacked_bytes < MAX_BYTES
    assert built.packed_bytes < MAX_PACKED_BYTES


def test_scanners_find_what_is_in_it(built: Image) -> None:
    status = (built.root / "var/lib/dpkg/status").read_text()
    assert set(re.findall("^Package: (.*)$", status, re.MULTILINE)) == PACKAGES
    assert {path.parent.name for path in built.root.glob("usr/share/doc/*/copyright")} == PACKAGES
    assert "\nID=debian\n" in (built.root / "etc/os-release").read_text()
    found = {canonicalize_name(each.name): each.version for each in distributions(built)}
    assert found == pins() | {"gfd": gfd.__version__}


def test_packages_lack_nothing_but_what_is_left_out(built: Image) -> None:
    found = {canonicalize_name(each.name): each.version for each in distributions(built)}
    wanted = [Requirement(line) for each in distributions(built) for line in each.requires or ()]
    here = {"extra": "", "python_full_version": f"{PYTHON}.0", "python_version": PYTHON}
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate(here)]
    assert len(wanted) > len(found)
    lacking = {each.name for each in wanted if not is_met(each, found)}
    assert lacking == left_out()


def is_met(wanted: Requirement, found: Mapping[NormalizedName, str]) -> bool:
    version = found.get(canonicalize_name(wanted.name))
    return version is not None and wanted.specifier.contains(version)


def distributions(built: Image) -> list[metadata.Distribution]:
    (folder,) = built.root.glob("usr/local/lib/python3.*/dist-packages")
    return list(metadata.distributions(path=[str(folder)]))


def test_everything_is_compiled(built: Image) -> None:
    sources = set(built.root.rglob("*.py"))
    compiled = built.root.rglob("*.pyc")
    assert sources == {path.parent.parent / f"{path.name.split('.')[0]}.py" for path in compiled}
