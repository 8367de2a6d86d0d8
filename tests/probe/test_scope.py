"""Facts that only extra labels need cost no NVML call unless they are asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gfd.config.loader import load
from gfd.config.options import EXTRA_LABELS
from gfd.probe.scope import EVERYTHING, Scope
from gfd.worker.discovery import choose_scope
from tests import standin
from tests.probe.boards import H100, H100_STANDIN, NODE, PAIR, PAIR_STANDIN
from tests.probe.reading import Case, Result, read_all, read_one
from tests.standin import Fault, Standin

NOTHING = Scope(has_details=False, has_power=False, has_topology=False)
WITHOUT = {
    "power": {"power_limit_mw": None, "power_default_limit_mw": None},
    "topology": {"nvlink_links": None, "nvlink_peers": None, "pcie_root": None},
    "details": {"pcie_generation": None, "pcie_width": None},
}
"""Part of a scope -> what two GPUs in MIG mode lack without it."""

EXTRA_CALLS = {
    "details": {"nvmlDeviceGetMaxPcieLinkGeneration": 2, "nvmlDeviceGetMaxPcieLinkWidth": 2},
    "power": {"nvmlDeviceGetPowerManagementLimit": 2, "nvmlDeviceGetPowerManagementDefaultLimit": 2},
    # Each GPU has 18 links; the next one is Invalid Argument.
    "topology": {"nvmlDeviceGetNvLinkState": 2 * 19, "nvmlDeviceGetP2PStatus": 2},
}


def read_pair(folder: Path, *scopes: Scope) -> list[Result]:
    cases = {str(scope): Case(machine=PAIR_STANDIN, expected="", pci=PAIR, scope=scope) for scope in scopes}
    return list(read_all(folder / "cases", cases, library=standin.build(folder / "library")).values())


@pytest.mark.parametrize("part", WITHOUT)
def test_each_part_costs_its_own_calls_and_no_others(tmp_path: Path, part: str) -> None:
    least, more = read_pair(tmp_path, NOTHING, NOTHING._replace(**{f"has_{part}": True}))
    assert Counter(more.calls) - Counter(least.calls) == EXTRA_CALLS[part]
    assert Counter(least.calls) <= Counter(more.calls)
    lacking: dict[str, Any] = {
        name: value for each in WITHOUT if each != part for name, value in WITHOUT[each].items()
    }
    assert more.found == NODE._replace(gpus=tuple(gpu._replace(**lacking) for gpu in PAIR))


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        ("", NOTHING),
        ("power", NOTHING._replace(has_power=True)),
        ("topology", NOTHING._replace(has_topology=True)),
        *((group, NOTHING._replace(has_details=True)) for group in EXTRA_LABELS[:6]),
        ("pcie,power", Scope(has_details=True, has_power=True, has_topology=False)),
        ("all", EVERYTHING),
    ],
)
def test_the_groups_choose_the_scope(groups: str, expected: Scope) -> None:
    config = load({"extra_labels": [groups]}, {}).config
    assert choose_scope(config, is_complete=False) == expected
    assert choose_scope(config, is_complete=True) == EVERYTHING


def test_own_templates_see_everything(tmp_path: Path) -> None:
    config = load({"template_dir": str(tmp_path)}, {}).config
    assert choose_scope(config, is_complete=False) == EVERYTHING


@pytest.mark.parametrize(("links", "active"), [(18, 18), (18, 0), (12, 4), (36, 36)])
def test_active_links(tmp_path: Path, links: int, active: int) -> None:
    machine = replace(H100_STANDIN, nvlinks=links, nvlinks_active=active)
    expected = NODE._replace(gpus=(H100._replace(nvlink_links=active),))
    result = read_one(tmp_path, Case(machine=Standin(gpus=(machine,)), expected=expected))
    assert result.found == expected
    assert Counter(result.calls)["nvmlDeviceGetNvLinkState"] == min(links + 1, 36)


def test_a_gpu_without_nvlink_is_asked_once(tmp_path: Path) -> None:
    machine = replace(H100_STANDIN, nvlinks=None)
    expected = NODE._replace(gpus=(H100._replace(nvlink_links=None),))
    result = read_one(tmp_path, Case(machine=Standin(gpus=(machine,)), expected=expected))
    assert result.found == expected
    assert Counter(result.calls)["nvmlDeviceGetNvLinkState"] == 1


def test_links_that_the_board_does_not_have_count_as_inactive(tmp_path: Path) -> None:
    """A link between others can be Not Supported."""
    fault = Fault(function="nvmlDeviceGetNvLinkState", after=3, error=3)
    expected = NODE._replace(gpus=(H100._replace(nvlink_links=3),))
    machine = Standin(gpus=(H100_STANDIN,), faults=(fault,))
    assert read_one(tmp_path, Case(machine=machine, expected=expected)).found == expected


def test_gpus_that_are_not_connected(tmp_path: Path) -> None:
    apart = replace(
        PAIR_STANDIN, gpus=tuple(replace(gpu, nvlinks_active=0, nvlink_peers=0) for gpu in PAIR_STANDIN.gpus)
    )
    expected = NODE._replace(gpus=tuple(gpu._replace(nvlink_links=0, nvlink_peers=()) for gpu in PAIR))
    assert read_one(tmp_path, Case(machine=apart, expected=expected)).found == expected
