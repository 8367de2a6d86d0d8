"""Every command on a page prints the output that is shown, and every link has a target."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from gfd.agent.metrics import StatusCollector
from gfd.agent.status import Status
from tests.pages import PAGES, ROOT, anchors, blocks, links, rewrite, shown
from tests.standin import HOOK

pytestmark = pytest.mark.whole

ALL = [block for page in PAGES for block in blocks(page)]
# The README's first two commands set everything up and run this test, among others: .ci/run types them.
TYPED_BY_CI = [block for block in ALL if ".venv" in block.text]
CONSOLE = [block for block in ALL if block.kind == "console" and block not in TYPED_BY_CI]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "manifests").symlink_to(ROOT / "manifests")
    return tmp_path


def write_files(folder: Path, page: Path) -> None:
    """Write the files of a page."""
    for block in blocks(page):
        if block.file:
            target = folder / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(block.text)


def run_command(folder: Path, command: str) -> tuple[str, int]:
    """Return what a command prints to both outputs, and its exit code."""
    programs = Path(sys.executable).parent
    environ = {
        "PATH": f"{programs}:{os.environ['PATH']}",
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": str(HOOK),
    }
    done = subprocess.run(
        ("bash", "-o", "pipefail", "-c", f"exec 2>&1; {command}"),
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stdout, done.returncode


@pytest.mark.parametrize("page", sorted({block.page for block in CONSOLE}), ids=lambda page: page.name)
def test_commands_print_what_is_shown(folder: Path, page: Path, request: pytest.FixtureRequest) -> None:
    write_files(folder, page)
    if request.config.getoption("--update-golden"):
        rewrite(page, lambda command: run_command(folder, command))
    for block in blocks(page):
        if block.kind == "console" and ".venv" not in block.text:
            commands = shown(block)
            assert commands, f"{block} shows no command"
            for each in commands:
                assert run_command(folder, each.command) == (each.output, each.exit_code), each.command


def test_only_the_readme_has_commands_that_ci_types() -> None:
    assert [block.page.name for block in TYPED_BY_CI] == ["README.md", "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_has_a_target(page: Path) -> None:
    for target in links(page):
        if target.startswith("https://"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), target
        assert found.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(found), target


def test_every_page_is_in_the_index() -> None:
    index = ROOT / "docs" / "README.md"
    assert set(links(index)) >= {page.name for page in index.parent.glob("*.md")} - {"README.md"}


def test_every_metric_is_listed() -> None:
    listed = re.findall(r"^\| `(gfd_\w+)", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    served = []
    for family in StatusCollector(Status()).collect():
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "")
        served.append(family.name + suffix)
    assert listed == served
