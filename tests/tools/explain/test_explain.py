"""gfd explain as it is typed: what it prints, what it says when something is wrong, and its exit code."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gfd import cli
from gfd.inventory import snapshot
from gfd.inventory.model import FactFailure, FailedGpu
from gfd.simulation import machines
from tests import standin
from tests.make import fabric, failure, gpu, inventory, mig, mig_gpu
from tests.standin import Fault, from_inventory

pytestmark = pytest.mark.whole

Explain = Callable[..., tuple[int | None, str, str]]
DOC = ("--simulate", "mig-doc", "--mig", "all-1g.5gb", "--mig-strategy", "single", "--no-timestamp")


@pytest.fixture
def explain(capsys: pytest.CaptureFixture[str]) -> Explain:
    """Run gfd explain in this process: exit code, standard output, standard error."""

    def run(*argv: str, **environ: str) -> tuple[int | None, str, str]:
        code = cli.run(("explain", *argv), environ)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def save(folder: Path, *gpus: Any, **fields: Any) -> str:
    """Write a snapshot, and return its name."""
    path = folder / "node.json"
    path.write_text(snapshot.to_json(inventory(*gpus, **fields)))
    return str(path)


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
  stands for  {listed}
  seen on     the simulated machine mig-doc
"""
    assert explain("gpu.product", *DOC) == (0, expected, "")
    assert explain("nvidia.com/gpu.product", *DOC) == (0, expected, "")


def test_labels_of_the_node_and_of_full_gpus(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, gpu(0, uuid="GPU-a"), gpu(1), gpu(3))
    expected = f"""\
nvidia.com/gpu.memory=40536
  Memory of one GPU or MIG device; 0 if the MIG layout is invalid.
  unit        MiB
  written by  _resources.j2, line 18: {{{{ key }}}}.memory={{{{ resource.memory_mib }}}}
  when        with a GPU, if NVML reports it
  made from   Gpu.memory_bytes = 42505273344 bytes of GPU 0, 1, 3, from nvmlDeviceGetMemoryInfo
  stands for  GPU 0 (0000:00:00.0), GPU-a
              GPU 1 (0000:01:00.0)
              GPU 3 (0000:03:00.0)
  seen on     the snapshot {path}

nvidia.com/cuda.runtime.minor=2
  An older name of cuda.runtime-version.minor.
  unit        version
  written by  _node.j2, line 50: nvidia.com/cuda.runtime.minor={{{{ node.cuda.minor }}}}
  when        with a GPU, if the driver reports a CUDA version
  made from   Inventory.cuda_version = 11020, from nvmlSystemGetCudaDriverVersion
  seen on     the snapshot {path}

nvidia.com/gpu.mode=compute
  compute or graphics, by the PCI class of all GPUs; unknown if they differ or have another class.
  unit        name
  written by  _node.j2, line 55: nvidia.com/gpu.mode={{{{ node.mode }}}}
  when        with a GPU
  made from   Gpu.pci_class = 0x0302 of GPU 0, 1, 3, from /sys/bus/pci/devices/<address>/class, \
nvmlDeviceGetPciInfo
  stands for  GPU 0 (0000:00:00.0), GPU-a
              GPU 1 (0000:01:00.0)
              GPU 3 (0000:03:00.0)
  seen on     the snapshot {path}
"""
    keys = ("gpu.memory", "cuda.runtime.minor", "gpu.mode")
    assert explain(*keys, "--inventory", path) == (0, expected, "")


def test_a_label_that_is_not_there(explain: Explain, tmp_path: Path) -> None:
    broken = FactFailure(
        fact="fabric", source="nvmlDeviceGetGpuFabricInfo", device="GPU 1", reason="Unknown Error", code=999
    )
    path = save(tmp_path, gpu(0, fabric=fabric()), gpu(1, failures=(broken,)))
    expected = f"""\
nvidia.com/gpu.clique: not written on the snapshot {path}
  The GPUs' NVLink fabric and clique: cluster UUID, dot, clique id.
  unit        name
  not by      _node.j2, line 59: nvidia.com/gpu.clique={{{{ node.clique }}}}
              only if all GPUs on an NVLink fabric are in the same clique
  made from   Gpu.fabric = state 3, status 0, cluster_uuid 3f2504e0-4f89-11d3-9a0c-0305e82c3301, clique_id 7 \
of GPU 0; none of GPU 1, from nvmlDeviceGetGpuFabricInfo, nvmlDeviceGetGpuFabricInfoV
              nvmlDeviceGetGpuFabricInfo on GPU 1 failed: Unknown Error (NVML error 999)

nvidia.com/gpu.engines.copy: not written on the snapshot {path}
  Copy engines of one MIG device.
  unit        engines
  not by      _resources.j2, line 38: {{{{ key }}}}.engines.copy={{{{ resource.engines.copy }}}}
              only for MIG devices
  not by      extra/engines.j2, line 8: {{{{ key }}}}.engines.copy={{{{ resource.engines.copy }}}}
              only with --extra-labels engines
  made from   MigDevice.engines.copy = none, from nvmlDeviceGetAttributes_v2
              MigDevice.gi_slices = none, from nvmlDeviceGetAttributes_v2
              Gpu.engines.copy = none of GPU 0, 1, from nvmlDeviceGetGpuInstanceProfileInfo

nvidia.com/mig.strategy: not written on the snapshot {path}
  The MIG strategy in force: the resource gpu counts MIG devices of one profile.
  unit        name
  not by      single.j2, line 6: nvidia.com/mig.strategy=single
              only under single
  not by      mixed.j2, line 6: nvidia.com/mig.strategy=mixed
              only under mixed
  made from   --mig-strategy = none (default)
"""
    keys = ("gpu.clique", "gpu.engines.copy", "mig.strategy")
    assert explain(*keys, "--inventory", path) == (0, expected, "")


def test_a_key_of_a_resource_that_the_node_lacks(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, mig_gpu(0, 2))
    expected = f"""\
nvidia.com/mig-2g.10gb.count: not written on the snapshot {path}
  GPUs of the node's model, or MIG devices; 0 if the MIG layout is invalid.
  unit        devices
  not by      _resources.j2, line 6: {{{{ key }}}}.count={{{{ resource.count }}}}
              this node has nvidia.com/gpu.count and nvidia.com/mig-1g.5gb.count
  made from   Gpu.index: GPU 0, from nvmlDeviceGetCount, nvmlDeviceGetHandleByIndex
              MigDevice.index: GPU 0 MIG 0, 1, from nvmlDeviceGetMaxMigDeviceCount, \
nvmlDeviceGetMigDeviceHandleByIndex
"""
    words = ("mig-2g.10gb.count", "--mig-strategy", "mixed", "--inventory", path)
    assert explain(*words) == (0, expected, "")


def test_what_cannot_be_read_is_told(explain: Explain, tmp_path: Path) -> None:
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
  seen on     the snapshot {path}

nvidia.com/gpu.count.failed=2
  GPUs that cannot be read; no other label counts them.
  unit        GPUs
  written by  extra/health.j2, line 5: nvidia.com/gpu.count.failed={{{{ node.failed | length }}}}
  when        with --extra-labels health, with a GPU
  made from   FailedGpu.index: GPU 1, 2, from nvmlDeviceGetCount
              nvmlSomething on GPU 1 MIG 0 failed: GPU is lost (NVML error 15)
              nvmlDeviceGetName on GPU 2 failed: GPU is lost (NVML error 15)
  stands for  GPU 1
              GPU 2
  seen on     the snapshot {path}

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
  stands for  GPU 0 MIG 0
  seen on     the snapshot {path}
"""
    words = ("gpu.machine", "gpu.count.failed", "mig-1g.5gb.product", "--machine-type-file", "/dmi")
    options = ("--mig-strategy", "mixed", "--extra-labels", "health", "--inventory", path)
    warnings = """\
gfd: warning: GPU 1 is left out: nvmlSomething on GPU 1 MIG 0 failed: GPU is lost (NVML error 15)
gfd: warning: GPU 2 is left out: nvmlDeviceGetName on GPU 2 failed: GPU is lost (NVML error 15)
"""
    assert explain(*words, *options) == (0, expected, warnings)


def test_what_counts_name(explain: Explain) -> None:
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


def test_a_line_for_each_label(explain: Explain) -> None:
    expected = """\
label         value  unit           meaning
vgpu.present  false  true or false  Whether the node is a vGPU guest.
"""
    assert explain("--simulate", "no-gpu", "--no-timestamp") == (0, expected, "")
    _, out, _ = explain(*DOC)
    assert [line.split()[0] for line in out.splitlines()[1:]] == [
        key.removeprefix("nvidia.com/") for key in labels(*DOC)
    ]


def labels(*arguments: str) -> list[str]:
    run = subprocess.run(
        (sys.executable, "-m", "gfd", "dump", *arguments), capture_output=True, text=True, check=True
    )
    return [line.partition("=")[0] for line in run.stdout.splitlines()]


@pytest.mark.parametrize("strategy", ["none", "single", "mixed"])
def test_every_label_is_explained_whole(explain: Explain, strategy: str) -> None:
    for machine, layout in (
        ("dgx-h100", "all-disabled"),
        ("a30", "all-balanced"),
        ("mixed-models", "all-disabled"),
    ):
        arguments = (
            "--simulate",
            machine,
            "--mig",
            layout,
            "--mig-strategy",
            strategy,
            "--extra-labels",
            "all",
        )
        code, out, err = explain(*arguments, "-o", "json")
        assert (code, err) == (0, "")
        found = json.loads(out)
        assert [each["key"] for each in found] == labels(*arguments)
        for each in found:
            assert each["value"] is not None
            assert each["unit"]
            assert each["meaning"]
            assert len(each["places"]) == 1
            assert each["parts"], each
            for part in each["parts"]:
                assert part["sources"], part
                assert part["readings"], part
            is_of_none = each["key"].endswith(("full", "mig-enabled", "mig.count")) and each["value"] == "0"
            is_of_node = re.match(
                r"nvidia\.com/(gfd|cuda|vgpu|gpu\.machine|gpu\.count\.failed|mig\.strategy)", each["key"]
            )
            assert bool(each["members"]) == (not is_of_none and not is_of_node), each


def test_json(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, mig_gpu(0, mig_devices=(mig(2, uuid="MIG-a", gi_id=7, ci_id=0),)))
    code, out, err = explain(
        "gpu.slices.gi", "gpu.produt", "--mig-strategy=single", "--inventory", path, "-o", "json"
    )
    assert (code, err) == (
        1,
        "gfd: none of gfd's labels: nvidia.com/gpu.produt (did you mean nvidia.com/gpu.product?)\n",
    )
    nothing: dict[str, Any] = {
        "value": None,
        "unit": "",
        "meaning": "",
        "places": [],
        "parts": [],
        "members": [],
        "holders": None,
    }
    seen_on = f"the snapshot {path}"
    assert json.loads(out) == [
        {
            "key": "nvidia.com/gpu.slices.gi",
            "value": "1",
            "unit": "slices",
            "meaning": "Compute slices of a MIG device's GPU instance.",
            "places": [
                {
                    "template": "_resources.j2",
                    "line": 32,
                    "source": "{{ key }}.slices.gi={{ resource.gi_slices }}",
                    "when": "with a GPU, for MIG devices",
                    "reason": "",
                }
            ],
            "parts": [
                {
                    "name": "MigDevice.gi_slices",
                    "unit": "slices",
                    "sources": ["nvmlDeviceGetAttributes_v2"],
                    "readings": [{"value": "1", "devices": ["GPU 0 MIG 2"]}],
                    "failures": [],
                }
            ],
            "members": [
                {"gpu": 0, "pci_address": "0000:00:00.0", "mig": 2, "gi": 7, "ci": 0, "uuid": "MIG-a"}
            ],
            "holders": None,
            "owner": "",
            "nearest": "",
            "seen_on": seen_on,
        },
        {
            "key": "nvidia.com/gpu.produt",
            **nothing,
            "owner": "",
            "nearest": "nvidia.com/gpu.product",
            "seen_on": seen_on,
        },
    ]


def test_keys_of_others(explain: Explain) -> None:
    keys = ("gpu.deploy.driver", "kubernetes.io/arch", "nvidia.com/gpu", "example.com/rack", "mps.capabl")
    code, out, err = explain(*keys, "mps.capable", *DOC)
    assert code == 1
    assert out.startswith("nvidia.com/mps.capable=false\n")
    assert err == (
        "gfd: none of gfd's labels: "
        "nvidia.com/gpu.deploy.driver (it belongs to NVIDIA's GPU operator; the nearest key of gfd is "
        "nvidia.com/gpu.model.architecture), "
        "kubernetes.io/arch (it belongs to Kubernetes), "
        "nvidia.com/gpu (it belongs to NVIDIA's device plugin: no label, but a resource that pods request), "
        "example.com/rack, "
        "nvidia.com/mps.capabl (did you mean nvidia.com/mps.capable?)\n"
    )


def test_the_catalogue(explain: Explain) -> None:
    code, out, err = explain("--catalog", GFD_SIMULATE="no such machine")
    assert (code, err) == (0, "")
    rows = [re.split("  +", line) for line in out.splitlines()]
    assert rows[0] == ["label", "unit", "when", "meaning"]
    assert rows[1] == [
        "gfd.timestamp",
        "Unix seconds",
        "without --no-timestamp",
        "When the configuration was loaded; it stays the same from cycle to cycle.",
    ]
    assert len(rows) > 60
    expected = """\
nvidia.com/<resource>.slices.ci
  Compute slices of the MIG device itself.
  unit        slices
  written by  _resources.j2, line 34: {{ key }}.slices.ci={{ resource.ci_slices }}
  when        with a GPU, for MIG devices
  made from   MigDevice.ci_slices in slices, from nvmlDeviceGetAttributes_v2

nvidia.com/<resource>.memory
  Memory of one GPU or MIG device; 0 if the MIG layout is invalid.
  unit        MiB
  written by  _resources.j2, line 18: {{ key }}.memory={{ resource.memory_mib }}
  when        with a GPU, if NVML reports it
  made from   Gpu.memory_bytes in bytes, from nvmlDeviceGetMemoryInfo
              MigDevice.memory_mib in MiB, from nvmlDeviceGetAttributes_v2
"""
    assert explain("--catalog", "mig-1g.5gb.slices.ci", "gpu.memory") == (0, expected, "")
    code, out, err = explain("--catalog", "gpu.memry")
    assert (code, out) == (1, "")
    assert err == "gfd: none of gfd's labels: nvidia.com/gpu.memry (did you mean nvidia.com/gpu.memory?)\n"


OWN = """\
{# Where the machine stands. #}
{## [name] The | rack\x1b[2J. #}
example.com/rack=r1
{% with count = 1 %}
example.com/made={{ count }}
{% endwith %}
"""


def test_templates_of_ones_own(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text(OWN)
    options = ("--template-dir", str(tmp_path), "--label-prefix-allow", "example.com")
    expected = """\
example.com/rack=r1
  The | rack\\x1b[2J.
  unit        name
  written by  mine.j2, line 3: example.com/rack=r1
  seen on     the simulated machine t4

example.com/made=1
  written by  mine.j2, line 5
  seen on     the simulated machine t4
"""
    words = ("example.com/rack", "example.com/made", "--simulate", "t4")
    assert explain(*words, *options) == (0, expected, "")
    _, page, _ = explain("--catalog", "-o", "markdown", *options)
    assert page.endswith("""
## mine.j2

Where the machine stands.

| label | unit | meaning | when | made from |
|---|---|---|---|---|
| `example.com/rack` | name | The \\| rack\\x1b[2J. |  |  |
""")


def test_a_part_that_is_included_twice(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "_part.j2").write_text("nvidia.com/rack=r1\n")
    include = '{% include "_part.j2" %}'
    (tmp_path / "mine.j2").write_text(
        f"{{## without a GPU #}}\n{{% if not node.gpu %}}\n{include}\n{{% endif %}}\n"
        f"{{## with a GPU #}}\n{{% if node.gpu %}}\n{include}\n{{% endif %}}\n"
    )
    expected = """\
nvidia.com/rack=r1
  written by  _part.j2, line 1: nvidia.com/rack=r1
  when        with a GPU
  seen on     the simulated machine t4
"""
    assert explain("rack", "--simulate", "t4", "--template-dir", str(tmp_path)) == (0, expected, "")


@pytest.mark.slow
def test_templates_that_eat_are_named(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("nvidia.com/rack={{ 9**(10**8) }}\n")
    code, out, err = explain("--catalog", "--template-dir", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith(
        "gfd: the process that reads the hardware was killed after 2 s of CPU time, in reading "
    )


def test_text_that_a_terminal_would_obey(explain: Explain, tmp_path: Path) -> None:
    path = save(tmp_path, gpu(0, name="A100\x1b[2J\u202e"))
    _, out, _ = explain("gpu.product", "--inventory", path)
    assert r"Gpu.name = A100\x1b[2J\u202e of GPU 0" in out
    code, _, err = explain("a\x1b[2J\nb", "--inventory", path)
    assert (code, err) == (1, "gfd: none of gfd's labels: nvidia.com/a\\x1b[2J\\nb\n")


def in_terminal(columns: int, *words: str, **environ: str) -> str:
    """What gfd explain writes to a terminal."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    command = (sys.executable, "-m", "gfd", "explain", *words)
    with subprocess.Popen(
        command,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", **environ},
    ) as run:
        os.close(terminal)
        written = b""
        while True:
            try:
                piece = os.read(controller, 1 << 16)
            except OSError:  # that is how the end of a terminal is told
                break
            written += piece
        assert run.wait() == 0
    os.close(controller)
    return written.decode().replace("\r\n", "\n")


def test_an_answer_fits_a_screen() -> None:
    arguments = ("--simulate", "dgx-a100", "--mig", "all-1g.5gb", "--mig-strategy", "single")
    out = in_terminal(80, "gpu.product", *arguments, NO_COLOR="1")
    lines = out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    assert lines[-2].strip() == "and 49 more, which a pipe or -o json shows"
    assert "\x1b" not in out


def test_a_narrow_terminal_in_colour() -> None:
    out = in_terminal(60, "gpu.family", "mig.strategy", *DOC, NO_COLOR="")
    family, _, strategy = out.partition("\n\n")
    assert family.startswith("""\
\x1b[1mnvidia.com/gpu.family\x1b[0m=ampere
  The GPU's architecture, by its compute capability: ampere,
  hopper, …
  unit        name
  written by  _resources.j2, line 23: {{ key }}.family={{
              resource.family }}
  when        with a GPU, for the resource gpu, if the GPU
              has a compute capability
  made from   Gpu.compute_capability = 8, 0 of GPU 0, from
              nvmlDeviceGetCudaComputeCapability
  stands for  GPU 0 MIG 0, gi/ci 7/0,
              MIG-9a964624-31e6-526d-993b-7cac090a2e5f
              GPU 0 MIG 1, gi/ci 8/0,
""")
    assert (
        strategy
        == """\
\x1b[1mnvidia.com/mig.strategy\x1b[0m=single
  The MIG strategy in force: the resource gpu counts MIG
  devices of one profile.
  unit        name
  written by  single.j2, line 6:
              nvidia.com/mig.strategy=single
  when        under single, with a GPU
  made from   --mig-strategy = single (command line)
  seen on     the simulated machine mig-doc
"""
    )
    table = in_terminal(60, *DOC, NO_COLOR="1").splitlines()
    assert max(map(len, table)) <= 60
    assert len(table) == 35


def test_a_locale_that_lacks_letters() -> None:
    environ = {
        **os.environ,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "PYTHONIOENCODING": "",
    }
    command = (sys.executable, "-m", "gfd", "explain", "gpu.family", *DOC)
    out = subprocess.run(command, capture_output=True, check=True, env=environ).stdout
    assert b"ampere, hopper, \\u2026\n" in out


def test_a_reader_that_has_seen_enough() -> None:
    command = f"{sys.executable} -m gfd explain {' '.join(DOC)} | head -n 1"
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    assert (done.stdout.split(), done.stderr) == (["label", "value", "unit", "meaning"], "")


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["--catalog", "--node=n"], 2, "--catalog (command line): goes without --node; choose one"),
        (["--catalog", "--inventory=f"], 2, "--catalog (command line): goes without --inventory; choose one"),
        (["--node=n", "--inventory=f"], 2, "--node (command line): goes without --inventory; choose one"),
        (["--node=n", "--simulate=t4"], 2, "--node (command line): goes without --simulate; choose one"),
        (
            ["--inventory=f", "--simulate=t4"],
            2,
            "--inventory (command line): goes without --simulate; choose one",
        ),
        (["--nodes=f"], 2, "--nodes (command line): needs --node, the Node in it to explain"),
        (
            ["-o", "markdown"],
            2,
            "--format (command line): markdown needs --catalog; there are table and json",
        ),
        (
            ["-o", "yaml"],
            2,
            "--format (command line): 'yaml' is not a valid value; choose table, json or markdown",
        ),
        (["--inventory=/gone"], 1, "/gone: No such file or directory; take one with gfd snapshot -o /gone"),
        (
            ["--node=n", "--kubeconfig=/gone"],
            1,
            "kubeconfig /gone: there is no such file; set another with --kubeconfig",
        ),
        (
            ["--simulate=h10"],
            2,
            "--simulate (command line): there is no machine h10; did you mean h100? known are ",
        ),
        (["--catalog", "--template-dir=/gone"], 1, "template /gone: the directory cannot be read"),
    ],
)
def test_bad_input(explain: Explain, argv: list[str], code: int, message: str) -> None:
    exit_code, out, err = explain(*argv)
    assert (exit_code, out) == (code, "")
    assert err.startswith(f"gfd: {message}")
    assert err.count("\n") == 1


def test_whose_a_foreign_key_is_takes_no_machine(explain: Explain) -> None:
    said = "nvidia.com/gpu.deploy.x (it belongs to NVIDIA's GPU operator; the nearest key of gfd is"
    code, out, err = explain("gpu.deploy.x")
    assert (code, out) == (1, "")
    assert err == f"gfd: none of gfd's labels: {said} nvidia.com/gpu.model)\n"


def test_a_machine_without_a_driver(explain: Explain) -> None:
    code, out, err = explain("gpu.count")
    assert (code, out) == (1, "")
    assert err.startswith("gfd: libnvidia-ml.so.1 could not be loaded from the loader's path")
    assert err.endswith(
        "Labels of other machines are explained with --simulate or --node, all of them with --catalog\n"
    )


def test_a_driver_that_answers(tmp_path: Path) -> None:
    """The real pynvml, on a driver that cannot tell the fabric of one GPU."""
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
