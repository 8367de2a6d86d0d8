"""Faults, missing functions and the log of the stand-in, through the real pynvml."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.standin import (
    Fault,
)

if TYPE_CHECKING:
    pass

from tests.standin.client import NODE, T4, Client


def test_the_machine_is_read_again_at_every_init(client: Client) -> None:
    machine = client.folder / "machine"
    replace(NODE, gpus=(T4,)).write(client.folder / "later")
    shown = client.run(
        NODE,
        f"""
import os
nvmlInit(); show(nvmlDeviceGetCount()); nvmlShutdown()
os.replace({str(client.folder / "later")!r}, {str(machine)!r})
nvmlInit(); show([nvmlDeviceGetCount(), nvmlDeviceGetName(nvmlDeviceGetHandleByIndex(0))])
""",
    )
    assert shown == [2, [1, "Tesla T4"]]


def test_a_fault_affects_only_its_function_and_device(client: Client) -> None:
    faults = (
        Fault(function="nvmlDeviceGetUUID", gpu=0, mig=4, error=15),
        Fault(function="nvmlDeviceGetBrand", gpu=0, mig=-1, error=999),
        Fault(function="nvmlDeviceGetCount", after=2, error=17),
        Fault(function="nvmlDeviceGetMigDeviceHandleByIndex", gpu=0, mig=3, error=2),
    )
    shown = client.run(
        replace(NODE, faults=faults),
        """
nvmlInit()
gpu = nvmlDeviceGetHandleByIndex(0)
migs = [nvmlDeviceGetMigDeviceHandleByIndex(gpu, index) for index in (1, 4)]
show([code(nvmlDeviceGetUUID, device) for device in (gpu, *migs)])
show([code(nvmlDeviceGetBrand, device) for device in (gpu, *migs)])
show([code(nvmlDeviceGetMigDeviceHandleByIndex, gpu, index) for index in range(5)])
show([code(nvmlDeviceGetCount), code(nvmlDeviceGetCount), code(nvmlShutdown), code(nvmlInit)])
show([code(nvmlDeviceGetCount), code(nvmlDeviceGetCount)])
""",
    )
    assert shown == [[0, 0, 15], [999, 0, 0], [6, 0, 6, 2, 0], [0, 0, 0, 0], [17, 17]]


def test_init_can_fail_until_the_driver_is_there(client: Client) -> None:
    NODE.write(client.folder / "later")
    shown = client.run(
        replace(NODE, faults=(Fault(function="nvmlInit", error=9),)),
        f"""
import os
show([code(nvmlInit), code(nvmlDeviceGetCount), code(nvmlShutdown)])
os.replace({str(client.folder / "later")!r}, {str(client.folder / "machine")!r})
show([code(nvmlInit), code(nvmlDeviceGetCount)])
del os.environ["GFD_STANDIN"]
show([code(nvmlShutdown), code(nvmlInit)])
""",
    )
    assert shown == [[9, 1, 1], [0, 0], [0, 9]]


@pytest.mark.parametrize(
    ("fault", "returncode"),
    [
        (Fault(function="nvmlDeviceGetHandleByIndex", segv=True), -11),
        (Fault(function="nvmlDeviceGetHandleByIndex", exit=True), 99),
    ],
)
def test_a_call_can_end_the_process(client: Client, fault: Fault, returncode: int) -> None:
    with client.start(replace(NODE, faults=(fault,)), "nvmlInit(); nvmlDeviceGetHandleByIndex(1)") as process:
        assert process.wait(timeout=60) == returncode


def test_a_call_can_hang(client: Client) -> None:
    machine = replace(NODE, faults=(Fault(function="nvmlDeviceGetCount", hang=True),))
    code = "nvmlInit(); print('asks', flush=True); nvmlDeviceGetCount(); print('was answered')"
    with client.start(machine, code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "asks\n"
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.3)
        process.kill()


def test_a_driver_without_some_functions(client: Client) -> None:
    without = ("nvmlDeviceGetMigMode", "nvmlSystemGetCudaDriverVersion")
    shown = client.run(
        NODE,
        """
nvmlInit()
gpu = nvmlDeviceGetHandleByIndex(0)
show([code(nvmlDeviceGetMigMode, gpu), code(nvmlSystemGetCudaDriverVersion),
      code(nvmlSystemGetCudaDriverVersion_v2), code(nvmlDeviceGetName, gpu)])
""",
        without=without,
    )
    assert shown == [[13, 13, 0, 0]]


def test_every_call_is_logged(client: Client) -> None:
    client.run(
        NODE,
        """
code(nvmlDeviceGetCount); code(nvmlInit)
gpu = nvmlDeviceGetHandleByIndex(0)
code(nvmlDeviceGetMigDeviceHandleByIndex, gpu, 0)
mig = nvmlDeviceGetMigDeviceHandleByIndex(gpu, 4)
nvmlDeviceGetUUID(mig)
nvmlGpuInstanceGetInfo(nvmlDeviceGetGpuInstanceById(gpu, 2))
nvmlShutdown()
""",
    )
    assert client.log.read_text().splitlines() == [
        "nvmlInitWithFlags",
        "nvmlDeviceGetHandleByIndex_v2 gpu=0",
        "nvmlDeviceGetMigDeviceHandleByIndex gpu=0 mig=0",
        "nvmlDeviceGetMigDeviceHandleByIndex gpu=0 mig=4",
        "nvmlDeviceGetUUID gpu=0 mig=4",
        "nvmlDeviceGetGpuInstanceById gpu=0",
        "nvmlGpuInstanceGetInfo gpu=0 mig=1",
        "nvmlShutdown",
    ]


def test_an_invalid_description(client: Client) -> None:
    (client.folder / "later").write_text("gpu colour=green\n")
    shown = client.run(
        NODE,
        f"""
import os
os.replace({str(client.folder / "later")!r}, {str(client.folder / "machine")!r})
show(code(nvmlInit))
""",
    )
    assert shown == [999]
