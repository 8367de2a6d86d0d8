"""Each check of gfd doctor, on given values."""

from __future__ import annotations

from pathlib import Path

import pytest

from gfd.errors import DriverUnavailable, GfdError, ProbeError
from gfd.inventory.model import FactFailure, FailedGpu
from gfd.labels.requirements import MIG_ADVICE
from gfd.tools.doctor.result import fail, ok, skip, warn
from tests.make import failure, gpu, inventory, mig_gpu
from tests.tools.doctor.machines import make_context, run_check, write

pytestmark = pytest.mark.whole


def test_the_gpu_is_only_known_to_the_driver(tmp_path: Path) -> None:
    assert run_check(make_context(tmp_path), "GPU") == ok("the driver has a GPU, but the PCI bus shows none")


def test_the_driver_is_only_known_to_the_library(tmp_path: Path) -> None:
    step = "mount the host's /proc/driver read-only and pass its path with --proc-driver-dir"
    seen = f"the driver is loaded, but {tmp_path}/proc/driver/nvidia/version is not visible"
    assert run_check(make_context(tmp_path), "driver") == warn(seen, step)


def test_the_driver_is_not_loaded(root: Path) -> None:
    (root / "proc/driver/nvidia/version").unlink()
    context = make_context(root)
    context.inventory = DriverUnavailable("nvmlInit failed: Driver Not Loaded (NVML error 9)", "load it")
    seen = f"the kernel module is not loaded: {root}/proc/driver/nvidia/version does not exist"
    step = "run modprobe nvidia, or install the driver; dmesg shows why the module does not load"
    assert run_check(context, "driver") == fail(seen, step)
    assert run_check(context, "NVML") == fail("nvmlInit failed: Driver Not Loaded (NVML error 9)", "load it")
    context.library = ProbeError("killed")
    assert run_check(context, "library").seen == "killed"
    assert run_check(context, "NVML") == skip("NVML cannot work without its library")


@pytest.mark.parametrize(
    ("version", "name", "expected"),
    [
        ("13.580.159.04", "libnvidia-ml.so.1", "version 580.159.04, like the kernel module"),
        ("", "libnvidia-ml.so.580.159.04", "version 580.159.04, like the kernel module"),
        ("", "libnvidia-ml.so.1", ""),
        ("12.535.104.05", "libnvidia-ml.so.1", " has version 535.104.05, the kernel module 580.159.04"),
        ("", "libnvidia-ml.so.535.104.05", " has version 535.104.05, the kernel module 580.159.04"),
    ],
)
def test_the_version_of_the_library(root: Path, version: str, name: str, expected: str) -> None:
    context = make_context(root)
    context.library = {"path": str(root / name), "version": version}
    result = run_check(context, "library")
    gap = "" if not expected or expected[0] == " " else ", "
    assert result.seen == f"{root}/{name}{gap}{expected}"
    assert result.state == ("fail" if "535" in expected else "ok")


def test_a_version_without_a_kernel_module_to_compare_with(tmp_path: Path) -> None:
    assert (
        run_check(make_context(tmp_path), "library").seen
        == f"{tmp_path}/lib/libnvidia-ml.so.1, version 580.159.04"
    )


def test_failed_and_missing_gpus(root: Path) -> None:
    context = make_context(root)
    context.inventory = inventory(gpu(0), failed_gpus=(FailedGpu(index=1, failure=failure("name", "GPU 1")),))
    result = run_check(context, "NVML")
    assert (result.state, result.seen) == (
        "fail",
        "GPU 1 is left out: nvmlSomething on GPU 1 failed: GPU is lost (NVML error 15)",
    )
    context.inventory = inventory()
    result = run_check(context, "NVML")
    assert (result.state, result.seen) == (
        "warn",
        "0 GPUs, driver 460.73.01, but the PCI bus shows 1",
    )


def test_missing_device_nodes(root: Path) -> None:
    (root / "dev/nvidia0").unlink()
    assert run_check(make_context(root), "device nodes") == fail(
        f"missing: {root}/dev/nvidia0",
        "run nvidia-smi once as root to create them; in a container, use the NVIDIA runtime and set "
        "NVIDIA_VISIBLE_DEVICES=all",
    )
    write(root / "driver/opt/nvidia/bin/nvidia-smi", "")
    step = run_check(make_context(root, driver_root=str(root / "driver")), "device nodes").next_step
    assert step.startswith(f"run {root}/driver/opt/nvidia/bin/nvidia-smi once as root to ")


def test_mig(root: Path) -> None:
    context = make_context(root)
    assert run_check(context, "MIG") == ok("no GPU is in MIG mode")
    context.inventory = inventory(mig_gpu(0, 2))
    folder = root / "proc/driver/nvidia/capabilities"
    said = "1 GPU in MIG mode, 2 MIG devices"
    assert run_check(context, "MIG").seen == f"{said}; {folder} is not visible"
    for number in (7, 8):
        write(folder / f"gpu0/mig/gi{number}/ci0/access", "")
    assert (
        run_check(context, "MIG").seen
        == f"{said}; there is no {folder}/mig/monitor, so gfd may not see new MIG devices"
    )
    write(folder / "mig/monitor", "nonsense")
    assert run_check(context, "MIG").seen.startswith(f"{said}; {folder}/mig/monitor names no device, ")
    write(folder / "mig/monitor", "DeviceFileMinor: 2\nDeviceFileMode: 292\n")
    device = root / "dev/nvidia-caps/nvidia-cap2"
    assert run_check(context, "MIG") == warn(
        f"{said}; {device} cannot be read, so gfd may not see new MIG devices", MIG_ADVICE
    )
    write(device, "")
    assert run_check(context, "MIG") == ok(f"{said}, as in {folder}")
    write(folder / "gpu0/mig/gi9/ci0/access", "")
    assert run_check(context, "MIG") == fail(f"{said}, but {folder} has 3", MIG_ADVICE)
    context = make_context(root, mig_strategy="none")
    context.inventory = inventory(mig_gpu(0, 2))
    assert run_check(context, "MIG") == ok(f"{said}; --mig-strategy none does not label them")


def test_mig_without_permission(root: Path) -> None:
    why = FactFailure(
        fact="memory_bytes",
        source="nvmlDeviceGetMemoryInfo",
        device="GPU 2",
        reason="Insufficient Permissions",
        code=4,
    )
    hidden = mig_gpu(2, 0, memory_bytes=None, failures=(why,))
    said = (
        "2 GPUs in MIG mode, 7 MIG devices, but NVML refuses to read them: "
        "nvmlDeviceGetMemoryInfo on GPU 2 failed: Insufficient Permissions (NVML error 4)"
    )
    for strategy, told in (("none", warn), ("single", fail), ("mixed", fail)):
        context = make_context(root, mig_strategy=strategy)
        context.inventory = inventory(gpu(0), mig_gpu(1), hidden)
        assert run_check(context, "MIG") == told(said, MIG_ADVICE)
    failed = FailedGpu(index=3, failure=why._replace(fact="gpu", source="nvmlDeviceGetMigMode"))
    context.inventory = inventory(gpu(0), failed_gpus=(failed,))
    assert run_check(context, "NVML") == fail(str(failed), MIG_ADVICE)


def test_proc(root: Path) -> None:
    line = f"22 27 0:21 / {root}/proc rw - tmpfs tmpfs rw\n27 1 254:0 / / rw - ext4 /dev/vda rw\n"
    (root / "mountinfo").write_text(line)
    (root / "proc/driver/nvidia").rename(root / "proc/driver/other")
    result = run_check(make_context(root), "/proc")
    assert result.state == "warn"
    assert result.seen == f"{root}/proc/driver (--proc-driver-dir) is not procfs and has no folder nvidia"
    assert result.next_step.startswith("mount the host's /proc/driver read-only and name it with")
    assert run_check(make_context(root, proc_driver_dir=""), "/proc").state == "warn"


def test_facts(root: Path) -> None:
    context = make_context(root)
    hidden = FactFailure(fact="vgpu", source="config", device="d", reason="only 64 of 256 bytes can be read")
    context.inventory = inventory(gpu(0), failures=(hidden,))
    assert run_check(context, "facts") == ok(
        "all values were read except vgpu.present: only 64 of 256 bytes can be read"
    )
    context.inventory = inventory(gpu(0))
    assert run_check(context, "facts") == ok("all values were read")
    lost = tuple(failure(f"fact{number}") for number in range(5))
    (device, *_) = mig_gpu(0, 1).mig_devices or ()
    broken = device._replace(failures=lost)
    context.inventory = inventory(mig_gpu(0, mig_devices=(broken,)))
    one = "nvmlSomething on GPU 0 failed: GPU is lost (NVML error 15)"
    step = "labels that need these values are left out or fail; gfd snapshot shows all values"
    assert run_check(context, "facts") == warn(f"{one}; {one}; {one}; and 2 more", step)


def test_labels(root: Path) -> None:
    context = make_context(root)
    context.labels = GfdError("template x.j2, line 1: no")
    assert run_check(context, "labels") == fail(
        "template x.j2, line 1: no", "run gfd dump to see this error alone"
    )
    assert run_check(context, "nfd-worker") == skip("there are no labels to look for")


def test_the_feature_file(root: Path) -> None:
    file = root / "features.d/gfd"
    file.write_text("#" * 70_000)
    result = run_check(make_context(root), "feature file")
    assert result.seen == f"{file} has 70000 bytes; NFD reads at most 65536"
    file.write_text("nvidia.com/gpu.count=2\nnvidia.com/gone=1\n")
    step = "check that gfd runs on this node with these options; gfd diff shows what it would change"
    said = "1 removed, 1 changed; 0 unchanged, 0 of other programs"
    assert run_check(make_context(root), "feature file") == warn(f"{file} is out of date: {said}", step)
    file.write_text("nvidia.com/gpu.count=1\n")
    assert run_check(make_context(root), "feature file") == ok(f"{file}, 1 line")
    context = make_context(root)
    context.labels = GfdError("none")
    assert run_check(context, "feature file") == ok(f"{file}, 1 line")
    file.unlink()
    assert run_check(make_context(root), "feature file").seen == f"{file} does not exist"
    scratch = root / "features.d/.gfd-tmp"
    scratch.touch()
    refusal = fail(f"{scratch} is not a directory", f"remove it with: rm {scratch}")
    assert run_check(make_context(root), "feature file") == refusal
    scratch.unlink()
    scratch.mkdir()
    (root / "mountinfo").write_text("27 1 0:44 / / rw - overlay overlay rw\n")
    result = run_check(make_context(root), "feature file")
    assert result.seen == f"{root}/features.d is not mounted from the host, so NFD cannot see it"
    (root / "mountinfo").write_text(
        f"27 1 0:44 / / rw - overlay overlay rw\n28 27 0:1 /x {root}/features.d rw - ext4 /dev/vda rw\n"
    )
    assert run_check(make_context(root), "feature file").seen == f"{file} does not exist"
    assert run_check(make_context(root, sinks="stdout"), "feature file") == skip(
        "not used with --sink stdout"
    )
    assert run_check(make_context(root, sinks="stdout"), "nfd-worker") == skip("the feature file is not used")


def test_a_worker_without_a_cluster(root: Path) -> None:
    context = make_context(root)
    context.cluster = GfdError("no cluster")
    write(root / "proc/12/comm", "bash\n")
    assert run_check(context, "nfd-worker").state == "skip"
    write(root / "proc/13/comm", "nfd-worker\n")
    seen = "process 13; without a cluster, gfd cannot tell whether it reads the file"
    assert run_check(context, "nfd-worker") == ok(seen)
