"""The service on a Tegra machine whose CUDA driver comes while it runs."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import standin
from tests.standin import cuda
from tests.standin.cuda import CudaStandin
from tests.worker.test_child_process import wait_until

pytestmark = pytest.mark.whole


def test_the_library_comes(tmp_path: Path) -> None:
    library, output = tmp_path / "lib", tmp_path / "features.d/gfd"
    library.mkdir()
    output.parent.mkdir()

    def read_labels() -> list[str]:
        return output.read_text().splitlines() if output.exists() else []

    service = subprocess.Popen(
        [
            *(sys.executable, "-m", "gfd", "--device-discovery-strategy=tegra", "--sleep-interval=1h"),
            *("--fail-on-init-error=false", f"--output-file={output}"),
        ],
        env=standin.environment(library, tmp_path) | {cuda.DESCRIPTION: CudaStandin().describe()},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert wait_until(lambda: any("gfd.timestamp" in label for label in read_labels()), 30)
        assert len(read_labels()) == 1
        cuda.build(library)
        assert wait_until(lambda: "nvidia.com/gpu.product=Orin" in read_labels(), 30)
    finally:
        service.send_signal(signal.SIGTERM)
        _, log = service.communicate(timeout=30)
    assert service.returncode == 0, log
    assert "watch.degraded" not in log
    assert log.count('"driver.not_found"') == 1
    assert "NVIDIA_DRIVER_CAPABILITIES=compute,utility" in log
