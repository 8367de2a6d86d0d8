"""The labels of a template are those of gfd dump on the same machine, without those that only a run tells."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from gfd.inventory.snapshot import to_yaml
from gfd.labels.strategies import STRATEGIES
from gfd.simulation import machines
from gfd.simulation.instance_types import FAMILIES
from tests.cli import Gfd
from tests.test_golden import label, layouts, read, sharing

pytestmark = pytest.mark.whole

SHARING = ("none", "time-slicing", "renamed")
RUN_TIME = ("nvidia.com/gfd.timestamp", "nvidia.com/gpu.clique")


def parse(lines: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in lines.splitlines())


def write_sharing(path: Path, kind: str, machine: str, layout: str) -> str:
    """Write a config file in which four pods share each device."""
    shared = sharing(kind, read(machine, layout))
    resources = [{"name": each.name, "replicas": each.replicas} for each in shared.resources]
    section = {"renameByDefault": shared.is_renamed, "resources": resources}
    path.write_text(
        yaml.safe_dump({"version": "v1", **({"sharing": {"timeSlicing": section}} if resources else {})})
    )
    return str(path)


def leave_out(labels: Mapping[str, str], *keys: str) -> dict[str, str]:
    return {key: text for key, text in labels.items() if key not in (*RUN_TIME, *keys)}


@pytest.mark.parametrize("machine", machines.list_names())
def test_template_has_the_labels_of_the_machine(gfd: Gfd, machine: str, tmp_path: Path) -> None:
    for layout in layouts(machine):
        inventory = read(machine, layout)
        (tmp_path / "snapshot.yaml").write_text(to_yaml(inventory))
        for kind in SHARING:
            config = write_sharing(tmp_path / "config.yaml", kind, machine, layout)
            for strategy in STRATEGIES:
                expected = leave_out(label(inventory, strategy, sharing(kind, inventory)))
                words = ("--mig-strategy", strategy, "--config-file", config)
                assert gfd("template", "--inventory", str(tmp_path / "snapshot.yaml"), *words) == (
                    0,
                    "".join(f"{k}={v}\n" for k, v in sorted(expected.items())),
                    "",
                )


@pytest.mark.parametrize("machine", machines.list_names())
def test_template_and_dump_agree(gfd: Gfd, machine: str) -> None:
    dumped = parse(gfd("dump", "--simulate", machine, "-o", "nfd")[1])
    assert dumped
    assert parse(gfd("template", "--simulate", machine)[1]) == leave_out(dumped)


def snapshot(gfd: Gfd, path: Path, *without: str) -> str:
    """Write a snapshot of a T4 that lacks some facts."""
    plain = yaml.safe_load(gfd("snapshot", "--simulate", "t4")[1])
    path.write_text(yaml.safe_dump({key: value for key, value in plain.items() if key not in without}))
    return str(path)


def cuda_keys(labels: Mapping[str, str], word: str) -> set[str]:
    return {key for key in labels if key.startswith(f"nvidia.com/cuda.{word}")}


def test_versions_that_the_machine_does_not_tell_are_left_out(gfd: Gfd, tmp_path: Path) -> None:
    whole = parse(gfd("template", "--simulate", "t4")[1])
    path = snapshot(gfd, tmp_path / "t4.yaml", "driver_version", "cuda_version")
    code, out, err = gfd("template", "--inventory", path)
    assert (code, err) == (0, "")
    expected = {key: value for key, value in whole.items() if not key.startswith("nvidia.com/cuda.")}
    assert parse(out) == expected
    assert expected
    path = snapshot(gfd, tmp_path / "t4.yaml", "cuda_version")
    assert cuda_keys(parse(gfd("template", "--inventory", path)[1]), "driver") == cuda_keys(whole, "driver")
    assert not cuda_keys(parse(gfd("template", "--inventory", path)[1]), "runtime")


def test_a_template_of_ones_own_that_needs_the_driver(gfd: Gfd, tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "extra.j2").write_text(
        "example.com/gpus={{ inventory.gpus | length }}\n"
        "example.com/branch=R{{ inventory.driver_version.partition('.')[0] }}\n"
    )
    words = ("--template-dir", str(folder), "--label-prefix-allow", "example.com")
    path = snapshot(gfd, tmp_path / "t4.yaml", "driver_version")
    labels = parse(gfd("template", "--inventory", path, *words)[1])
    assert labels["example.com/gpus"] == "1"
    assert "example.com/branch" not in labels
    labels = parse(gfd("template", "--inventory", path, "--driver", "580.1", *words)[1])
    assert labels["example.com/branch"] == "R580"


def test_the_cuda_version_depends_on_the_branch_of_the_driver(gfd: Gfd) -> None:
    whole = parse(gfd("template", "--simulate", "t4")[1])
    branch = whole["nvidia.com/cuda.driver.major"]
    same = parse(gfd("template", "--simulate", "t4", "--driver", f"{branch}.1")[1])
    other = parse(gfd("template", "--simulate", "t4", "--driver", "535.104.05")[1])
    assert same["nvidia.com/cuda.driver-version.full"] == f"{branch}.1"
    assert same["nvidia.com/cuda.runtime-version.full"] == whole["nvidia.com/cuda.runtime-version.full"]
    assert other["nvidia.com/cuda.driver-version.full"] == "535.104.05"
    assert not cuda_keys(other, "runtime")


@pytest.mark.parametrize("name", [next(iter(family.sizes)) for family in FAMILIES if family.sizes])
def test_an_instance_type_has_the_driver_of_the_image_that_a_cluster_boots(gfd: Gfd, name: str) -> None:
    dumped = parse(gfd("dump", "--simulate", name, "-o", "nfd")[1])
    unknown = cuda_keys(dumped, "driver") | cuda_keys(dumped, "runtime")
    assert unknown
    code, printed, err = gfd("template", "--simulate", name)
    assert (code, parse(printed), err) == (0, leave_out(dumped, *unknown), "")
    driver = dumped["nvidia.com/cuda.driver-version.full"]
    assert parse(gfd("template", "--simulate", name, "--driver", driver)[1]) == leave_out(dumped)
