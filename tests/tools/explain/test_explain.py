"""The explanations of single labels."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gfd.inventory.model import FactFailure, FailedGpu
from gfd.simulation import machines
from tests import standin
from tests.make import fabric, failure, gpu, mig, mig_gpu
from tests.standin import Fault, from_inventory
from tests.tools.explain.command import DOC, Explain, save

pytestmark = pytest.mark.whole


def test_a_label_of_mig_devices(explain: Explain) -> None:
    devices = (machines.read("mig-doc", "all-1g.5gb").gpus[0].mig_devices or ())[:7]
    listed = "\n              ".join(
        f"GPU 0 MIG {each.index}, gi/ci {each.gi_id}/{each.ci_id}, {each.uuid}" for each in devices
    )
    expected = f"""\
nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb
  The product name: the GPU's model; then -MIG- and the profile for MIG devices, or -MIG-INVALID if the MIG \
layout is invalid; then -SHARED if pods share a device.
  unit        name
  written by  _resources.j2, line 9: {{{{ key }}}}.product={{{{ resource.product }}}}
  when        with a GPU
  made from   Gpu.name = A100-PCIE-40GB of GPU 0, from nvmlDeviceGetName
              MigDevice.profile = 1g.5gb of GPU 0 MIG 0-6, from nvmlGpuInstanceGetInfo, \
nvmlDeviceGetGpuInstanceProfileInfo, nvmlComputeInstanceGetInfo, \
nvmlGpuInstanceGetComputeInstanceProfileInfo, nvmlDeviceGetAttributes_v2, nvmlDeviceGetMemoryInfo
              --config-file = not set (default)
  devices     {listed}
  value from  the simulated machine mig-doc
"""
    assert explain("gpu.product", *DOC) == (0, expected, "")
    assert explain("nvidia.com/gpu.product", *DOC) == (0, expected, "")


def test_labels_of_the_node_and_of_full_gpus(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, gpu(0, uuid="GPU-a"), gpu(1), gpu(3))
    expected = f"""\
nvidia.com/gpu.memory=40536
  Memory of one GPU or MIG device; 0 if the MIG layout is invalid.
  unit        MiB
  written by  _resources.j2, line 22: {{{{ key }}}}.memory={{{{ resource.memory_mib }}}}
  when        with a GPU, if the driver reports it
  made from   Gpu.memory_bytes = 42505273344 bytes of GPU 0, 1, 3, from nvmlDeviceGetMemoryInfo
  devices     GPU 0 (0000:00:00.0), GPU-a
              GPU 1 (0000:01:00.0)
              GPU 3 (0000:03:00.0)
  value from  the snapshot {path}

nvidia.com/cuda.runtime.minor=2
  An older name of cuda.runtime-version.minor.
  unit        version
  written by  _node.j2, line 50: nvidia.com/cuda.runtime.minor={{{{ node.cuda.minor }}}}
  when        with a GPU, if the driver reports a CUDA version
  made from   Inventory.cuda_version = 11020, from nvmlSystemGetCudaDriverVersion
  value from  the snapshot {path}

nvidia.com/gpu.mode=compute
  compute or graphics, by the PCI class of all GPUs; unknown if they differ or have another class.
  unit        name
  written by  _node.j2, line 55: nvidia.com/gpu.mode={{{{ node.mode }}}}
  when        with a GPU
  made from   Gpu.pci_class = 0x0302 of GPU 0, 1, 3, from /sys/bus/pci/devices/<address>/class, \
nvmlDeviceGetPciInfo
  devices     GPU 0 (0000:00:00.0), GPU-a
              GPU 1 (0000:01:00.0)
              GPU 3 (0000:03:00.0)
  value from  the snapshot {path}
"""
    keys = ("gpu.memory", "cuda.runtime.minor", "gpu.mode")
    assert explain(*keys, "--inventory", path) == (0, expected, "")


def test_a_missing_label(explain: Explain, tmp_path: Path) -> None:
    broken = FactFailure(
        fact="fabric", source="nvmlDeviceGetGpuFabricInfo", device="GPU 1", reason="Unknown Error", code=999
    )
    path = save(tmp_path, gpu(0, fabric=fabric()), gpu(1, failures=(broken,)))
    expected = f"""\
nvidia.com/gpu.clique: not written on the snapshot {path}
  The GPUs' NVLink fabric and clique: cluster UUID, dot, clique id.
  unit        name
  skipped     _node.j2, line 59: nvidia.com/gpu.clique={{{{ node.clique }}}}
              only if all GPUs on an NVLink fabric are in the same clique
  made from   Gpu.fabric = state 3, status 0, cluster_uuid 3f2504e0-4f89-11d3-9a0c-0305e82c3301, clique_id 7 \
of GPU 0; none of GPU 1, from nvmlDeviceGetGpuFabricInfo, nvmlDeviceGetGpuFabricInfoV
              nvmlDeviceGetGpuFabricInfo on GPU 1 failed: Unknown Error (NVML error 999)

nvidia.com/gpu.engines.copy: not written on the snapshot {path}
  Copy engines of one MIG device.
  unit        engines
  skipped     _resources.j2, line 45: {{{{ key }}}}.engines.copy={{{{ resource.engines.copy }}}}
              only for MIG devices
  skipped     extra/engines.j2, line 8: {{{{ key }}}}.engines.copy={{{{ resource.engines.copy }}}}
              only with --extra-labels engines
  made from   MigDevice.engines.copy = none, from nvmlDeviceGetAttributes_v2
              MigDevice.gi_slices = none, from nvmlDeviceGetAttributes_v2
              Gpu.engines.copy = none of GPU 0, 1, from nvmlDeviceGetGpuInstanceProfileInfo

nvidia.com/mig.strategy: not written on the snapshot {path}
  The MIG strategy in force: the resource gpu counts MIG devices of one profile.
  unit        name
  skipped     single.j2, line 6: nvidia.com/mig.strategy=single
              only with --mig-strategy single
  skipped     mixed.j2, line 9: nvidia.com/mig.strategy=mixed
              only with --mig-strategy mixed
  made from   --mig-strategy = none (default)
"""
    keys = ("gpu.clique", "gpu.engines.copy", "mig.strategy")
    assert explain(*keys, "--inventory", path) == (0, expected, "")


def test_a_key_of_a_missing_resource(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, mig_gpu(0, 2))
    expected = f"""\
nvidia.com/mig-2g.10gb.count: not written on the snapshot {path}
  GPUs of the node's model, or MIG devices; 0 if the MIG layout is invalid.
  unit        devices
  skipped     _resources.j2, line 6: {{{{ key }}}}.count={{{{ resource.count }}}}
              on this node it writes nvidia.com/gpu.count and nvidia.com/mig-1g.5gb.count
  made from   Gpu.index: GPU 0, from nvmlDeviceGetCount, nvmlDeviceGetHandleByIndex
              MigDevice.index: GPU 0 MIG 0, 1, from nvmlDeviceGetMaxMigDeviceCount, \
nvmlDeviceGetMigDeviceHandleByIndex
"""
    words = ("mig-2g.10gb.count", "--mig-strategy", "mixed", "--inventory", path)
    assert explain(*words) == (0, expected, "")


def test_read_failures_are_shown(explain: Explain, tmp_path: Path) -> None:
    lost = FactFailure(fact="gpu", source="nvmlDeviceGetName", device="GPU 2", reason="GPU is lost", code=15)
    dmi = FactFailure(
        fact="machine_type",
        source="/sys/class/dmi/id/product_name",
        device="",
        reason="No such file or directory",
    )
    broken = mig_gpu(1, 1, mig_devices=(mig(0, profile=None, failures=(failure("profile", "GPU 1 MIG 0"),)),))
    path = save(
        tmp_path,
        mig_gpu(0, 1),
        broken,
        failed_gpus=(FailedGpu(index=2, failure=lost),),
        failures=(dmi,),
        machine_type=None,
    )
    expected = f"""\
nvidia.com/gpu.machine=unknown
  The machine's model (DMI product name); unknown if it cannot be read.
  unit        name
  written by  _node.j2, line 53: nvidia.com/gpu.machine={{{{ node.machine }}}}
  when        with a GPU
  made from   Inventory.machine_type = none, from /dmi (--machine-type-file)
              machine_type could not be read from /sys/class/dmi/id/product_name: No such file or directory
  value from  the snapshot {path}

nvidia.com/gpu.count.failed=2
  GPUs that cannot be read; no other label counts them.
  unit        GPUs
  written by  extra/health.j2, line 5: nvidia.com/gpu.count.failed={{{{ node.failed | length }}}}
  when        with --extra-labels health, with a GPU
  made from   FailedGpu.index: GPU 1, 2, from nvmlDeviceGetCount
              nvmlSomething on GPU 1 MIG 0 failed: GPU is lost (NVML error 15)
              nvmlDeviceGetName on GPU 2 failed: GPU is lost (NVML error 15)
  devices     GPU 1
              GPU 2
  value from  the snapshot {path}

nvidia.com/mig-1g.5gb.product=A100-PCIE-40GB-MIG-1g.5gb
  The product name: the GPU's model; then -MIG- and the profile for MIG devices, or -MIG-INVALID if the MIG \
layout is invalid; then -SHARED if pods share a device.
  unit        name
  written by  _resources.j2, line 9: {{{{ key }}}}.product={{{{ resource.product }}}}
  when        with a GPU
  made from   Gpu.name = A100-PCIE-40GB of GPU 0, from nvmlDeviceGetName
              nvmlDeviceGetName on GPU 2 failed: GPU is lost (NVML error 15)
              MigDevice.profile = 1g.5gb of GPU 0 MIG 0, from nvmlGpuInstanceGetInfo, \
nvmlDeviceGetGpuInstanceProfileInfo, nvmlComputeInstanceGetInfo, \
nvmlGpuInstanceGetComputeInstanceProfileInfo, nvmlDeviceGetAttributes_v2, nvmlDeviceGetMemoryInfo
              nvmlSomething on GPU 1 MIG 0 failed: GPU is lost (NVML error 15)
              --config-file = not set (default)
  devices     GPU 0 MIG 0
  value from  the snapshot {path}
"""
    words = ("gpu.machine", "gpu.count.failed", "mig-1g.5gb.product", "--machine-type-file", "/dmi")
    options = ("--mig-strategy", "mixed", "--extra-labels", "health", "--inventory", path)
    warnings = """\
gfd: warning: GPU 1 is left out: nvmlSomething on GPU 1 MIG 0 failed: GPU is lost (NVML error 15)
gfd: warning: GPU 2 is left out: nvmlDeviceGetName on GPU 2 failed: GPU is lost (NVML error 15)
"""
    assert explain(*words, *options) == (0, expected, warnings)


def test_devices_of_a_count(explain: Explain) -> None:
    """The devices of a count are those that are counted."""
    arguments = ("--simulate", "dgx-a100", "--mig", "all-1g.5gb", "--extra-labels", "all", "-o", "json")
    keys = (
        "gpu.count.physical",
        "gpu.count.full",
        "gpu.count.mig-enabled",
        "mig.count",
        "mig.profile.1g.5gb",
    )
    found = json.loads(explain(*keys, *arguments)[1])
    assert [(each["value"], len(each["members"])) for each in found] == [
        ("8", 8),
        ("0", 0),
        ("8", 8),
        ("56", 56),
        ("7", 1),
    ]


def test_models_of_a_node_with_several(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, gpu(0, name="Tesla T4"), gpu(1, name="NVIDIA L4"), gpu(2, name="NVIDIA L4"))
    arguments = ("--inventory", path, "-o", "json")
    found = json.loads(explain("gpu.count.NVIDIA-L4", "gpu.product", *arguments)[1])
    assert [[member["gpu"] for member in each["members"]] for each in found] == [[1, 2], [1, 2]]
    assert found[0]["parts"][0]["readings"] == [
        {"value": "1", "devices": ["GPU 1"]},
        {"value": "2", "devices": ["GPU 2"]},
    ]


def test_a_real_driver_library(tmp_path: Path) -> None:
    """The real pynvml with a driver that fails to return the fabric of one GPU."""
    found = machines.read("dgx-h100", "all-disabled")
    fault = Fault(function="nvmlDeviceGetGpuFabricInfo", gpu=3, error=999)
    described = replace(from_inventory(found), faults=(fault,)).write(tmp_path / "machine")
    environ = standin.environment(standin.build(tmp_path / "library"), described)
    command = (sys.executable, "-m", "gfd", "explain", "gpu.clique", "gpu.memory", "gpu.pcie.width")
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environ)
    assert done.stderr == ""
    clique, memory, width = done.stdout.split("\n\n")
    assert clique.startswith("nvidia.com/gpu.clique: not written on this machine\n")
    assert "nvmlDeviceGetGpuFabricInfo on GPU 3 failed: Unknown Error (NVML error 999)" in clique
    assert memory.startswith("nvidia.com/gpu.memory=81559\n")
    assert "Gpu.memory_bytes = 85520809984 bytes of GPU 0-7, from nvmlDeviceGetMemoryInfo\n" in memory
    assert "only with --extra-labels pcie\n" in width
    assert "Gpu.pcie_width = 16 lanes of GPU 7, from nvmlDeviceGetMaxPcieLinkWidth\n" in width
