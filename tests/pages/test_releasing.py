"""The workflows on GitHub, and the page about releases."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pages import ROOT, blocks

WORKFLOWS = ROOT / ".github/workflows"
NAMES = ["ci", "release"]


def read(name: str) -> dict[str, Any]:
    # YAML 1.1 reads the key "on" as true.
    workflow: dict[str, Any] = yaml.load((WORKFLOWS / f"{name}.yml").read_text(), Loader=yaml.BaseLoader)
    return workflow


def steps(name: str) -> list[dict[str, Any]]:
    (job,) = read(name)["jobs"].values()
    found: list[dict[str, Any]] = job["steps"]
    return found


def lines(name: str) -> list[str]:
    text = "".join(step.get("run", "") for step in steps(name))
    return text.replace("\\\n", " ").splitlines()


def readme_commands() -> list[str]:
    """Return the two commands that .ci/run types, too."""
    text = "".join(block.text for block in blocks(ROOT / "README.md") if block.kind == "console")
    return re.findall(r"^\$ (.*\.venv.*)$", text, re.MULTILINE)


def test_all_workflows_are_tested() -> None:
    assert sorted(path.name for path in WORKFLOWS.iterdir()) == [f"{name}.yml" for name in NAMES]


@pytest.mark.parametrize("name", NAMES)
def test_a_workflow_may_only_read_unless_a_job_says_more(name: str) -> None:
    workflow = read(name)
    assert set(workflow) == {"name", "on", "permissions", "jobs"}
    assert (workflow["name"], workflow["permissions"]) == (name, {"contents": "read"})


@pytest.mark.parametrize("name", NAMES)
def test_actions_are_pinned(name: str) -> None:
    text = (WORKFLOWS / f"{name}.yml").read_text()
    uses = re.findall(r"uses: (.*)$", text, re.MULTILINE)
    assert uses
    assert [each for each in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40}  # v[\d.]+", each)] == []


def test_ci_runs_what_the_readme_says() -> None:
    workflow = read("ci")
    assert workflow["on"] == {"push": {"branches": ["main"]}, "pull_request": ""}
    assert lines("ci")[-2:] == readme_commands()
    assert all("permissions" not in job for job in workflow["jobs"].values())


def test_ci_has_the_programs_of_the_tests() -> None:
    script = (ROOT / ".ci/run").read_text()
    wanted = {word for group in re.findall(r"missing\+=\(([^)\"]+)\)", script) for word in group.split()}
    (programs,) = re.findall(r"^for program in (buildah .*); do$", script, re.MULTILINE)
    wanted |= {*programs.split(), "docker-registry", "prometheus"}
    (install,) = [line for line in lines("ci") if line.startswith("apt-get install")]
    assert {word for word in install.split()[2:] if not word.startswith("-")} == wanted | {"ca-certificates"}


def test_the_release_runs_one_command() -> None:
    workflow = read("release")
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
    (job,) = workflow["jobs"].values()
    assert job["permissions"] == {"contents": "write", "packages": "write"}
    (command,) = [shlex.split(line) for line in lines("release") if "tox -e" in line]
    assert command == [
        *(".venv/bin/tox", "-e", "release", "--", "--publish"),
        *("--base", "docker.io/library/debian:trixie-slim"),
        *("--image", "ghcr.io/${OWNER,,}/gfd", "--charts", "oci://ghcr.io/${OWNER,,}/charts"),
    ]
    # Nothing that somebody else writes is part of a command: expressions stand in the environment only.
    assert not [line for line in lines("release") if "${{" in line]


def test_the_page_names_every_option() -> None:
    page = (ROOT / "RELEASING.md").read_text()
    program = (ROOT / "release/__main__.py").read_text()
    options = set(re.findall(r'option\(\s*"(--[a-z-]+)"', program)) - {"--source"}
    assert len(options) > 8
    assert options - set(re.findall(r"--[a-z-]+", page)) == set()


def test_the_page_names_every_file() -> None:
    named = re.findall(r"`(gfd-<version>[^`]*|SHA256SUMS)`", (ROOT / "RELEASING.md").read_text())
    assert [Path(name).suffix for name in named] == [
        *(".whl", ".gz", ".tgz", ".tar", ".tar", ".json", ".json", ""),
    ]
