"""The installed package: its files, version and dependencies."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import gfd
from tests.standin import Standin, build

ROOT = Path(__file__).parent.parent
PLUGIN_COMPLETION = Path("share/kubectl/kubectl_complete-gfd")


@pytest.fixture(scope="module")
def metadata() -> configparser.ConfigParser:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_setup_cfg_and_the_changelog_have_the_version(metadata: configparser.ConfigParser) -> None:
    assert metadata["metadata"]["version"] == gfd.__version__
    assert f"## [{gfd.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_all_packages_are_installed(metadata: configparser.ConfigParser) -> None:
    folders = {path.parent.relative_to(ROOT) for path in (ROOT / "gfd").rglob("__init__.py")}
    listed = metadata["options"]["packages"].split()
    assert sorted(".".join(folder.parts) for folder in folders) == sorted(set(listed) - {"gfd_templates"})


def test_the_lowest_dependencies_are_tested(metadata: configparser.ConfigParser) -> None:
    bounds = metadata["options"]["install_requires"].split("\n")[1:]
    for extra in ("cli", "dra"):
        bounds += metadata["options.extras_require"][extra].split("\n")[1:]
    lowest = (ROOT / "tests/lowest.txt").read_text().splitlines()[1:]
    assert [bound.split(",")[0].replace(">=", "==") for bound in bounds] == lowest


def imported(folder: Path, *arguments: str, **environ: str) -> set[str]:
    """Return the packages that gfd imports in a run, with the processes that it forks."""
    log = folder / "imports"
    own = {"GFD_HOOK_LOG": str(log), "PYTHONPATH": str(Path(__file__).parent / "hook")}
    argv = [sys.executable, "-m", "gfd", *arguments]
    subprocess.run(argv, capture_output=True, check=True, env={**os.environ, **own, **environ})
    lines = (line.split() for line in log.read_text().splitlines())
    return {words[1].split(".")[0] for words in lines if words[0] == "import"}


def test_one_shot_imports_only_what_it_uses(tmp_path: Path) -> None:
    machine = Standin(gpus=()).write(tmp_path / "machine")
    library = str(build(tmp_path / "lib"))
    options = ("--oneshot", "--output-file=", "--no-timestamp")
    run = imported(tmp_path, *options, LD_LIBRARY_PATH=library, GFD_STANDIN=str(machine))
    assert "pynvml" in run
    unused = {
        "jinja2",
        "kubernetes",
        "apscheduler",
        "rich",
        "prometheus_client",
        "structlog",
        "waitress",
        "yaml",
        "shtab",
    }
    assert run & unused == set()


def test_the_help_imports_no_dependency(tmp_path: Path) -> None:
    third_party = {"jinja2", "pynvml", "yaml", "structlog", "rich", "kubernetes", "apscheduler"}
    assert imported(tmp_path, "--help") & third_party == set()


def test_match_loads_cel_only_to_judge_claims(tmp_path: Path) -> None:
    container = {"name": "main", "image": "main", "resources": {"limits": {"nvidia.com/gpu": 1}}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "train"},
        "spec": {"containers": [container]},
    }
    file = tmp_path / "pod.json"
    file.write_text(json.dumps(pod))
    names = imported(tmp_path, "match", str(file), "--simulate", "dgx-h100")
    assert "cel_expr_python" not in names
    assert "yaml" in names


@pytest.mark.slow
def test_the_installed_wheel_works_without_the_checkout(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    wheels = tmp_path / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.iterdir()
    names = zipfile.ZipFile(wheel).namelist()
    for folder, package in (("templates", "gfd_templates"), ("gfd/simulation/data", "gfd/simulation/data")):
        data = {str(path.relative_to(ROOT / folder)) for path in (ROOT / folder).rglob("*.[jy]*[2l]")}
        assert data
        assert {name.removeprefix(f"{package}/") for name in names} >= data
    assert {f"gfd/tools/report/page.{ending}" for ending in ("css", "html.j2", "js")} <= set(names)
    assert not [name for name in names if name.startswith("tests")]
    shared = {str(path.relative_to(ROOT)) for path in (ROOT / "share").rglob("*") if path.is_file()}
    shared.remove(str(PLUGIN_COMPLETION))  # a program
    assert {name.partition(".data/data/")[2] for name in names if ".data/data/" in name} == shared

    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    bin_folder = tmp_path / "venv/bin"
    install = [*pip, "--python", str(bin_folder / "python"), "install", "--no-compile"]
    subprocess.run([*install, f"{wheel}[cli,dra]"], check=True)
    for name in shared:
        assert (tmp_path / "venv" / name).read_bytes() == (ROOT / name).read_bytes()
    plugin = bin_folder / PLUGIN_COMPLETION.name
    assert plugin.read_bytes() == (ROOT / PLUGIN_COMPLETION).read_bytes()
    assert os.access(plugin, os.X_OK)
    sourced = f"source {tmp_path}/venv/share/bash-completion/completions/gfd; complete -p gfd"
    completion = subprocess.run(
        ["bash", "-c", sourced],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env={"PATH": f"{bin_folder}:{os.environ['PATH']}"},
    )
    assert completion.stdout.endswith(b" -F _shtab_gfd gfd\n")
    program = "from gfd.tools.match.cel import compile_expression as c; print(c('true').text)"
    checked = subprocess.run([bin_folder / "python", "-I", "-c", program], capture_output=True, check=True)
    assert checked.stdout == b"true\n"
    arguments = [
        "dump",
        "--simulate",
        "mig-doc",
        "--mig",
        "all-1g.5gb",
        "--mig-strategy",
        "mixed",
        "--extra-labels",
        "all",
    ]
    outputs = {
        subprocess.run(
            [*program, *arguments, "--no-timestamp"], capture_output=True, check=True, cwd=tmp_path
        ).stdout
        for program in (
            [bin_folder / "gfd"],
            [bin_folder / "gpu-feature-discovery"],
            [bin_folder / "kubectl-gfd"],
            [bin_folder / "python", "-I", "-m", "gfd"],
        )
    }
    (output,) = outputs
    assert b"nvidia.com/mig-1g.5gb.product=A100-PCIE-40GB-MIG-1g.5gb\n" in output
    report = subprocess.run(
        [bin_folder / "gfd", "report", "--html=-", "--simulate=t4"],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    assert report.stdout.endswith(b"</html>\n")
    service = subprocess.run(
        [bin_folder / "gfd", "--oneshot", "--log-format=json"], capture_output=True, text=True, check=False
    )
    assert service.returncode == 1
    assert service.stderr.startswith("gfd: libnvidia-ml.so.1 could not be loaded")
