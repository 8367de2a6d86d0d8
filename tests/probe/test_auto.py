"""Which strategy auto chooses."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

import pytest

from gfd.errors import DriverUnavailable, NvmlCallFailed
from gfd.inventory.model import FactFailure, FailedGpu, Inventory
from gfd.probe import auto, node, sysfs, tegra
from gfd.probe.driver_files import LIBRARY
from tests.make import gpu, inventory
from tests.pci_bus import PciDevice, build_bus

RELEASE, FAMILY = "etc/nv_tegra_release", "sys/devices/soc0/family"


def write(root: Path, name: str, text: str = "") -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize(
    ("libraries", "files", "names", "strategy"),
    [
        ((), {RELEASE: ""}, (), "tegra"),
        ((), {FAMILY: "Tegra"}, (), "tegra"),
        ((), {FAMILY: "TEGRA234\n"}, (), "tegra"),
        ((), {FAMILY: "Snapdragon"}, (), None),
        ((), {FAMILY: "a Tegra"}, (), None),
        ((), {}, (), None),
        ((LIBRARY,), {RELEASE: ""}, ("NVIDIA RTX A6000",), "nvml"),
        ((LIBRARY,), {RELEASE: ""}, ("Orin (nvgpu)",), "tegra"),
        ((LIBRARY,), {}, ("NVIDIA Thor",), "tegra"),
        ((LIBRARY,), {}, ("NVIDIA RTX A6000", "Orin (nvgpu)"), "tegra"),
        ((LIBRARY,), {}, ("nvidia thor",), "nvml"),
        ((auto.DXCORE, LIBRARY), {RELEASE: ""}, ("Orin (nvgpu)",), "nvml"),
        ((auto.DXCORE,), {RELEASE: ""}, (), "nvml"),
        ((LIBRARY,), {}, ("NVIDIA GB10",), "nvml"),
        ((LIBRARY,), {RELEASE: ""}, (), "nvml"),
    ],
)
def test_resolve(
    tmp_path: Path,
    libraries: tuple[str, ...],
    files: dict[str, str],
    names: tuple[str, ...],
    strategy: str | None,
) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    assert auto.resolve(tmp_path, libraries.__contains__, lambda: names) == strategy


def test_folders_are_no_tegra_files(tmp_path: Path) -> None:
    (tmp_path / RELEASE).mkdir(parents=True)
    (tmp_path / FAMILY).mkdir(parents=True)
    assert not sysfs.has_tegra_files(tmp_path)


@pytest.fixture
def without_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, mode: int = 0) -> None:
        raise OSError(f"{name} {mode}")

    monkeypatch.setattr(ctypes, "CDLL", load)


@pytest.fixture
def with_nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str, mode: int = 0) -> None:
        if (name, mode) != (LIBRARY, os.RTLD_NOLOAD):
            raise OSError(name)

    monkeypatch.setattr(ctypes, "CDLL", load)


MISSING = DriverUnavailable("libnvidia-ml.so.1 could not be loaded", "install the driver")
LOST = NvmlCallFailed("nvmlDeviceGetCount", "", 15, "GPU is lost")
NAMELESS = FailedGpu(index=1, failure=FactFailure(fact="gpu", source="nvml", device="GPU 1", reason="lost"))


def answer_with(monkeypatch: pytest.MonkeyPatch, answer: Inventory | Exception) -> list[object]:
    """Let NVML give this answer; return the calls."""
    calls: list[object] = []

    def read(**arguments: object) -> Inventory:
        calls.append(arguments)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(node, "read", read)
    return calls


@pytest.mark.usefixtures("with_nvml")
def test_nvml_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = inventory(gpu(0))
    calls = answer_with(monkeypatch, expected)
    assert auto.read(root=tmp_path) is expected
    assert len(calls) == 1


@pytest.mark.usefixtures("with_nvml")
def test_an_error_of_nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, LOST)
    with pytest.raises(NvmlCallFailed) as caught:
        auto.read(root=tmp_path)
    assert caught.value is LOST


CUDA = Inventory(discovery="tegra", gpus=(gpu(0, name="NVIDIA Thor"),))


def answer_with_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tegra, "read", lambda **_arguments: CUDA)


@pytest.mark.usefixtures("with_nvml")
def test_cuda_is_asked_about_an_integrated_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, inventory(gpu(0, name="NVIDIA Thor")))
    answer_with_cuda(monkeypatch)
    assert auto.read(root=tmp_path) is CUDA


@pytest.mark.usefixtures("with_nvml")
def test_names_count_only_if_nvml_knows_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = inventory(gpu(0, name="NVIDIA Thor"), failed_gpus=(NAMELESS,))
    answer_with(monkeypatch, expected)
    assert auto.read(root=tmp_path) is expected


@pytest.mark.usefixtures("without_libraries")
def test_tegra_files_without_nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, RELEASE)
    answer_with(monkeypatch, MISSING)
    answer_with_cuda(monkeypatch)
    assert auto.read(root=tmp_path) is CUDA


@pytest.mark.usefixtures("with_nvml")
def test_nvml_does_not_start_on_a_tegra_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, RELEASE)
    answer_with(monkeypatch, DriverUnavailable("nvmlInit failed", "load the NVIDIA kernel module"))
    with pytest.raises(DriverUnavailable) as caught:
        auto.read(root=tmp_path)
    assert str(caught.value) == (
        "nvmlInit failed; this is a Tegra machine; if it has no other GPU, pass"
        " --device-discovery-strategy tegra"
    )


@pytest.mark.usefixtures("with_nvml")
def test_the_step_of_the_preload_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread may be inside NVML until it is read, so no other step may be reported before that."""
    steps: list[str] = []

    def read(**_arguments: object) -> Inventory:
        assert steps == []
        return inventory(gpu(0))

    monkeypatch.setattr(node, "read", read)
    auto.read(root=tmp_path, progress=steps.append)
    assert steps == []


@pytest.mark.usefixtures("without_libraries")
@pytest.mark.parametrize(
    ("devices", "advice"),
    [
        ((), "install the driver"),
        (
            (PciDevice(), PciDevice(address="0000:18:00.0", driver="nvgrace_gpu_vfio_pci")),
            (
                "every GPU is bound to nvgrace_gpu_vfio_pci or vfio-pci, for virtual machines; pass"
                " --device-discovery-strategy vfio"
            ),
        ),
        ((PciDevice(), PciDevice(address="0000:18:00.0", driver=None)), "install the driver"),
    ],
)
def test_without_nvml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: tuple[PciDevice, ...], advice: str
) -> None:
    answer_with(monkeypatch, MISSING)
    with pytest.raises(DriverUnavailable) as caught:
        auto.read(root=build_bus(tmp_path, devices))
    assert str(caught.value) == f"libnvidia-ml.so.1 could not be loaded; {advice}"


@pytest.mark.usefixtures("without_libraries")
def test_without_nvml_and_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer_with(monkeypatch, MISSING)
    with pytest.raises(DriverUnavailable, match="install the driver"):
        auto.read(root=tmp_path)
