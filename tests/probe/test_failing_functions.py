"""Every NVML function that gfd calls, failing in every way, and MIG devices that disappear during a read."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.inventory.model import Gpu
from tests import standin
from tests.probe.boards import H100, H100_STANDIN, NODE
from tests.probe.failures import (
    CHANGES,
    FAILURES,
    GPU_FUNCTIONS,
    MIG_FUNCTIONS,
    SYSTEM_FUNCTIONS,
    lost_attributes,
    lost_function,
    on_mig,
    without_mig,
)
from tests.probe.reading import Case, Result, read_all, read_one, show
from tests.standin import Fault, Standin

CASES = FAILURES | CHANGES


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    folder = tmp_path_factory.mktemp("failures")
    return read_all(folder / "cases", CASES, library=standin.build(folder / "library"))


@pytest.mark.parametrize("name", CASES)
def test_inventory(name: str, results: dict[str, Result]) -> None:
    assert show(results[name].found) == show(CASES[name].expected)
    assert results[name].pauses == CASES[name].pauses


def test_nvml_is_always_shut_down(results: dict[str, Result]) -> None:
    for name, result in results.items():
        opened = result.calls.count("nvmlInitWithFlags")
        closed = result.calls.count("nvmlShutdown")
        times = 1 + len(result.pauses)
        has_init_failed = isinstance(result.found, str) and "nvmlInit" in result.found
        assert (name, opened, closed) == (name, times, times - has_init_failed)
        assert result.calls[-1] == ("nvmlInitWithFlags" if has_init_failed else "nvmlShutdown")


def test_every_function_that_gfd_calls_has_a_case(results: dict[str, Result]) -> None:
    used = {call for result in results.values() for call in result.calls}
    tried = {*GPU_FUNCTIONS, *MIG_FUNCTIONS, *SYSTEM_FUNCTIONS, "nvmlDeviceGetCount", "nvmlInit"}
    versions = ("_v2", "_v3", "V", "WithFlags")
    plain = {next((c.removesuffix(v) for v in versions if c.endswith(v)), c) for c in used}
    assert plain == tried | {"nvmlShutdown"}


def test_a_failing_shutdown_loses_no_facts(tmp_path: Path) -> None:
    broken = Fault(function="nvmlShutdown", error=999)
    result = read_one(tmp_path, Case(machine=Standin(faults=(broken,)), expected=NODE))
    assert result.found == NODE
    assert result.calls[-1] == "nvmlShutdown"


def test_the_first_failure_is_raised(tmp_path: Path) -> None:
    broken = (Fault(function="nvmlDeviceGetCount", error=15), Fault(function="nvmlShutdown", error=999))
    result = read_one(tmp_path, Case(machine=Standin(faults=broken), expected=""))
    assert result.found == "NvmlCallFailed: nvmlDeviceGetCount failed: GPU is lost (NVML error 15)"
    assert result.calls[-1] == "nvmlShutdown"


FIRST_FABRIC, SECOND_FABRIC = "nvmlDeviceGetGpuFabricInfo", "nvmlDeviceGetGpuFabricInfoV"


@pytest.mark.parametrize(
    ("without", "expected"),
    [
        (("nvmlDeviceGetMigMode",), without_mig(H100)),
        ((FIRST_FABRIC, SECOND_FABRIC), H100._replace(fabric=None)),
        ((SECOND_FABRIC,), H100),
        ((FIRST_FABRIC,), H100),
        (
            (
                "nvmlDeviceGetArchitecture",
                "nvmlDeviceGetBrand",
                "nvmlDeviceGetMaxPcieLinkGeneration",
                "nvmlDeviceGetMaxPcieLinkWidth",
                "nvmlDeviceGetPowerManagementLimit",
                "nvmlDeviceGetPowerManagementDefaultLimit",
                "nvmlDeviceGetNvLinkState",
            ),
            H100._replace(
                architecture=None,
                brand=None,
                pcie_generation=None,
                pcie_width=None,
                power_limit_mw=None,
                power_default_limit_mw=None,
                nvlink_links=None,
            ),
        ),
        (
            ("nvmlDeviceGetUUID",),
            on_mig(
                H100,
                uuid=None,
                failures=(lost_function("uuid", "nvmlDeviceGetUUID")._replace(device="GPU 0 MIG 2"),),
            )._replace(
                uuid=None,
                failures=(lost_function("uuid", "nvmlDeviceGetUUID"),),
            ),
        ),
        (("nvmlDeviceGetAttributes_v2",), lost_attributes(H100)),
    ],
    ids=lambda value: "+".join(value) if type(value) is tuple else "",
)
def test_an_old_driver_without_a_function(tmp_path: Path, without: tuple[str, ...], expected: Gpu) -> None:
    case = Case(machine=Standin(gpus=(H100_STANDIN,)), expected=NODE._replace(gpus=(expected,)))
    assert read_one(tmp_path, case, without=without).found == case.expected
