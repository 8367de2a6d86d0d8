"""The service on a PCI bus whose GPUs are bound to other drivers while it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pci_bus import PciDevice, build_bus
from tests.worker.test_child_process import wait_until

pytestmark = pytest.mark.whole

MOUNT = 'mount --bind "$1" /sys/bus/pci/devices || exit 97; shift; exec "$@"'
FIRST, SECOND = "0000:17:00.0", "0000:65:00.0"


def test_a_gpu_is_bound_to_another_driver(tmp_path: Path) -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not create a mount namespace")
    devices = build_bus(tmp_path / "bus", (PciDevice(address=FIRST), PciDevice(address=SECOND, driver=None)))
    devices /= "sys/bus/pci/devices"
    output = tmp_path / "features.d/gfd"
    output.parent.mkdir()

    def find_count() -> str:
        lines = output.read_text().splitlines() if output.exists() else []
        return next((line.partition("=")[2] for line in lines if "/gpu.count=" in line), "")

    service = subprocess.Popen(
        [
            *("unshare", "--mount", "sh", "-c", MOUNT, "sh", str(devices)),
            *(sys.executable, "-m", "gfd", "--device-discovery-strategy=vfio", "--sleep-interval=1h"),
            f"--output-file={output}",
        ],
        # The service must see the bus: tests/hook/alone hides the PCI devices of the machine.
        env={"PATH": os.environ["PATH"], "PYTHONPATH": ""},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait_until(lambda: find_count() == "1", 30)
        (devices / SECOND / "driver").symlink_to(tmp_path / "bus/sys/bus/pci/drivers/vfio-pci")
        assert wait_until(lambda: find_count() == "2", 30)
        (devices / FIRST / "driver").unlink()
        assert wait_until(lambda: find_count() == "1", 30)
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert service.returncode == 0, log
    assert "watch.degraded" not in log
