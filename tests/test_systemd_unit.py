"""The unit for machines where gfd runs outside Kubernetes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import pytest

from gfd.config.options import OPTIONS

UNIT = Path(__file__).parent.parent / "manifests/systemd/gfd.service"
MAX_EXPOSURE = 3.0
"""Of 10; below 5 systemd is content."""


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    tool = shutil.which("systemd-analyze")
    if not tool:
        pytest.skip("systemd-analyze is not on PATH (it comes with systemd)")
    environ = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, env=environ)


@pytest.fixture
def settings() -> Mapping[str, list[str]]:
    found = defaultdict(list)
    for line in UNIT.read_text().splitlines():
        if line and not line.startswith(("#", "[")):
            name, is_setting, value = line.partition("=")
            assert is_setting
            found[name].append(value)
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The unit with a program that exists."""
    path = tmp_path / "gfd.service"
    path.write_text(re.sub("(?m)^ExecStart=.*", "ExecStart=/bin/true", UNIT.read_text()))
    return path


def test_the_service_may_write_where_it_writes_by_default(settings: Mapping[str, list[str]]) -> None:
    (output_file,) = (option for option in OPTIONS if option.field == "output_file")
    folder = str(Path(output_file.default or "").parent)
    assert settings["ReadWritePaths"] == [folder]
    assert settings["ConfigurationDirectory"] == [folder.removeprefix("/etc/")]
    assert settings["User"] == ["root"]
    assert settings["CapabilityBoundingSet"] == [""]


def test_the_service_sees_what_it_reads(settings: Mapping[str, list[str]]) -> None:
    assert settings["ProcSubset"] == ["all"]
    assert "PrivateDevices" not in settings
    assert settings["DevicePolicy"] == ["closed"]
    assert "char-195 rw" in settings["DeviceAllow"]


def test_systemd_and_the_service_understand_each_other(settings: Mapping[str, list[str]]) -> None:
    assert settings["Type"] == ["notify"]
    assert settings["ExecReload"] == ["/bin/kill -HUP $MAINPID"]
    assert settings["WatchdogSec"] == ["60s"]
    assert settings["Restart"] == ["on-failure"]
    assert "AF_UNIX" in settings["RestrictAddressFamilies"][0].split()


def test_systemd_accepts_every_line(copy: Path) -> None:
    done = analyze("verify", "--man=no", copy)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_little_exposed(copy: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MAX_EXPOSURE * 10:.0f}", copy)
    assert "Overall exposure level" in done.stdout, done.stderr
    assert done.returncode == 0, done.stdout
