"""gfd doctor on machines laid out in a folder, with the stand-in driver, in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gfd import cli
from gfd.config.loader import load
from gfd.errors import DriverUnavailable, GfdError, ProbeError
from gfd.inventory.model import FactFailure, FailedGpu
from gfd.labels.requirements import MIG_ADVICE
from gfd.tools.doctor.checks import CHECKS, hardware, publishing
from gfd.tools.doctor.context import Site
from gfd.tools.doctor.result import Check, Finding, fail, ok, skip, warn
from gfd.tools.doctor.runner import examine, summarise, to_json, to_text
from tests import standin
from tests.make import failure, gpu, inventory, mig_gpu
from tests.standin import Fault, Standin, StandinGpu

pytestmark = pytest.mark.whole

KERNEL = "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build\n"
ADDRESS = "0000:3b:00.0"
T4 = StandinGpu(
    name="Tesla T4", uuid="GPU-1", cc_major=7, cc_minor=5, memory=15_843_721_216, pci="00000000:3B:00.0"
)
MACHINE = Standin(gpus=(T4,))
SCRIPT = """
import sys
from pathlib import Path
from gfd.tools.doctor.checks import hardware, publishing
from gfd.tools.doctor.runner import examine, to_text
from gfd.tools.doctor.context import Site
from gfd.config.loader import load
from gfd.errors import GfdError
from gfd.publishing.sinks.feature_text import format_labels
root = Path(sys.argv[1])
values = {"output_file": "/features.d/gfd", "probe_timeout_s": "3s"}
site = Site(load(values, {}).config, root=root, mountinfo=root / "mountinfo")
file = root / "features.d/gfd"
if file.is_file() and not isinstance(site.labels, GfdError):
    file.write_text(format_labels(site.labels))
# What sysfs tells is this machine's, whatever it is.
checks = [each for each in (*hardware.CHECKS, *publishing.CHECKS[:2]) if each.name != "facts"]
sys.stdout.write(to_text(list(examine(site, checks))))
"""


def lay_out(root: Path, *, kernel: str = KERNEL) -> Path:
    """Lay out what a machine with one GPU shows of it."""
    write(root / f"sys/bus/pci/devices/{ADDRESS}/vendor", "0x10de\n")
    write(root / f"sys/bus/pci/devices/{ADDRESS}/class", "0x030200\n")
    write(root / "proc/driver/nvidia/version", kernel + "GCC version: gcc\n")
    write(
        root / f"proc/driver/nvidia/gpus/{ADDRESS}/information",
        "Model: \t\t Tesla T4\nDevice Minor: \t 0\n",
    )
    for name in ("nvidiactl", "nvidia0"):
        write(root / "dev" / name, "")
    write(root / "features.d/gfd", "a=b\n")
    return root


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def run(root: Path, machine: Standin, *, library: Path | None = None, prefix: tuple[str, ...] = ()) -> str:
    """Return what the doctor says, with ROOT for the folder and LIBRARY for the library's."""
    library = library or standin.build(root.parent / "library")
    environ = standin.environment(library, machine.write(root.parent / "machine"))
    done = subprocess.run(
        (*prefix, sys.executable, "-c", SCRIPT, root),
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout.replace(str(root), "ROOT").replace(str(library), "LIBRARY")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "root")


NEXT = " " * 20 + "-> "
MOUNT = "mount NFD's features.d of the host there, as manifests/components/file does"
HEALTHY = """\
ok    GPU           on the PCI bus: 1 NVIDIA GPU (0000:3b:00.0)
ok    driver        NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build
ok    library       LIBRARY/libnvidia-ml.so.1, version 580.159.04 as the kernel module
ok    NVML          1 GPU answering, driver 580.159.04
ok    device nodes  ROOT/dev/nvidiactl, ROOT/dev/nvidia0
ok    MIG           no GPU can do MIG
ok    /proc         ROOT/proc/driver is what the kernel shows
ok    labels        this machine renders 26
ok    feature file  ROOT/features.d/gfd, 26 lines
9 ok
"""


def test_a_healthy_machine(root: Path) -> None:
    assert run(root, MACHINE) == HEALTHY


def test_a_library_of_another_version(root: Path, tmp_path: Path) -> None:
    """As after an upgrade of the driver's files, before the kernel module is loaded anew."""
    write(root / "proc/driver/nvidia/version", KERNEL.replace("580.159.04", "535.104.05"))
    library = standin.build(tmp_path / "library")
    (library / "libnvidia-ml.so.1").rename(library / "libnvidia-ml.so.580.159.04")
    (library / "libnvidia-ml.so.1").symlink_to("libnvidia-ml.so.580.159.04")
    said = run(root, Standin(gpus=(T4,), faults=(Fault(function="nvmlInit", error=18),)), library=library)
    differ = (
        "the library and the loaded kernel module have different versions: reload the kernel module or "
        "reboot the node; restart a container that still has the old library"
    )
    assert said.splitlines()[2:6] == [
        "FAIL  library       LIBRARY/libnvidia-ml.so.580.159.04 is 580.159.04, the kernel module 535.104.05",
        f"{NEXT}stop what still uses the old driver and reload the kernel module, or reboot the node",
        "FAIL  NVML          nvmlInit failed: RM has detected an NVML/RM version mismatch. (NVML error 18)",
        f"{NEXT}{differ}",
    ]
    assert said.endswith("\n5 ok, 3 failed, 1 skipped\n")


def test_a_missing_library(root: Path, tmp_path: Path) -> None:
    library = tmp_path / "empty"
    library.mkdir()
    reason = "libnvidia-ml.so.1: cannot open shared object file: No such file or directory"
    roots = "the loader's path or under /driver-root"
    said = run(root, MACHINE, library=library)
    install = "install the NVIDIA driver; in a container use the NVIDIA runtime, or mount the driver"
    assert said.splitlines()[2:5] == [
        f"FAIL  library       libnvidia-ml.so.1 could not be loaded from {roots}: {reason}",
        f"{NEXT}{install} and pass its folder with --driver-root-ctr-path",
        "skip  NVML          cannot be asked without its library",
    ]
    assert "FAIL  labels        none, since the hardware cannot be read\n" in said


def without_override() -> tuple[str, ...]:
    """Return what takes from root the right to open everything; others have none."""
    if os.geteuid():
        return ()
    return ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


def test_permission_denied(root: Path) -> None:
    for name in ("nvidiactl", "nvidia0"):
        (root / "dev" / name).chmod(0)
    (root / "features.d").chmod(0o555)
    denied = Standin(gpus=(T4,), faults=(Fault(function="nvmlInit", error=4),))
    user = os.geteuid()
    give = "run as a user that may open /dev/nvidiactl, or give the container the device nodes"
    open_up = "run as a user who may read and write them, or chmod 0666 them (NVreg_DeviceFileMode)"
    assert run(root, denied, prefix=without_override()).splitlines()[2:] == [
        "ok    library       LIBRARY/libnvidia-ml.so.1",
        "FAIL  NVML          nvmlInit failed: Insufficient Permissions (NVML error 4)",
        f"{NEXT}{give}",
        f"FAIL  device nodes  no permission for user {user}: ROOT/dev/nvidiactl, ROOT/dev/nvidia0",
        f"{NEXT}{open_up}",
        "skip  MIG           cannot be told without the driver",
        "ok    /proc         ROOT/proc/driver is what the kernel shows",
        "FAIL  labels        none, since the hardware cannot be read",
        f"{NEXT}see what is said of NVML, above",
        f"FAIL  feature file  ROOT/features.d cannot be written to by user {user}",
        f"{NEXT}run as its owner, or mount it writable",
        "4 ok, 4 failed, 1 skipped",
    ]


def test_a_driver_that_hangs(root: Path) -> None:
    hanging = Standin(gpus=(T4,), faults=(Fault(function="nvmlDeviceGetName", hang=True),))
    said = run(root, hanging)
    doing = "it hung in nvmlDeviceGetName on GPU 0"
    assert f"FAIL  NVML          reading the hardware took longer than 3 s: {doing}\n" in said
    assert said.endswith("\n6 ok, 2 failed, 1 skipped\n")


def test_a_machine_without_a_gpu(tmp_path: Path) -> None:
    library = tmp_path / "empty"
    library.mkdir()
    (tmp_path / "root").mkdir()
    nothing = "nothing is wrong if this node has none; else check that it is seated, or passed to the machine"
    assert run(tmp_path / "root", MACHINE, library=library).splitlines() == [
        "warn  GPU           no NVIDIA GPU on the PCI bus",
        f"{NEXT}{nothing}",
        "skip  driver        not loaded, and there is no GPU",
        "skip  library       not found, and there is no GPU",
        "skip  NVML          cannot be asked without its library",
        "skip  device nodes  there are none without the driver",
        "skip  MIG           cannot be told without the driver",
        "ok    /proc         ROOT/proc/driver is what the kernel shows",
        "FAIL  labels        none: there is no GPU, and --fail-on-init-error is true",
        f"{NEXT}set --fail-on-init-error=false where nodes have none",
        "FAIL  feature file  there is no directory ROOT/features.d",
        f"{NEXT}{MOUNT}; or name another --output-file",
        "1 ok, 1 to be warned of, 2 failed, 5 skipped",
    ]


def test_wsl(tmp_path: Path) -> None:
    """The GPU of Windows is on no PCI bus, and has neither a kernel module nor device nodes of NVIDIA's."""
    root, library = tmp_path / "root", tmp_path / "empty"
    library.mkdir()
    write(root / "dev/dxg", "")
    (root / "features.d").mkdir()
    assert run(root, MACHINE).splitlines()[:5] == [
        "ok    GPU           on WSL2: ROOT/dev/dxg, the GPU of Windows, which is on no PCI bus",
        "ok    driver        that of Windows: WSL2 has no kernel module of NVIDIA's",
        "ok    library       LIBRARY/libnvidia-ml.so.1, version 580.159.04",
        "ok    NVML          1 GPU answering, driver 580.159.04",
        "ok    device nodes  ROOT/dev/dxg",
    ]
    said = run(root, MACHINE, library=library)
    assert "FAIL  library       libnvidia-ml.so.1 could not be loaded from" in said
    assert "its library lies in /usr/lib/wsl/lib\n" in said
    assert "no GPU" not in said
    assert "FAIL  labels        none, since the hardware cannot be read\n" in said


# ---- One check at a time, on what the driver is said to have answered ----


def site(root: Path, **options: str) -> Site:
    """A site whose driver answers with one A100."""
    values = {"output_file": "/features.d/gfd", "mig_strategy": "mixed", **options}
    made = Site(load(values, {}).config, root=root, mountinfo=root / "mountinfo")
    made.library = {"path": str(root / "lib/libnvidia-ml.so.1"), "version": "13.580.159.04"}
    made.inventory = inventory(gpu(0), driver_version="580.159.04")
    made.labels = {"nvidia.com/gpu.count": "1"}
    return made


def ask(site: Site, name: str) -> Finding:
    (check,) = [each for each in CHECKS if each.name == name]
    ((_, finding),) = examine(site, [check])
    return finding


def test_the_gpu_is_only_known_to_the_driver(tmp_path: Path) -> None:
    assert ask(site(tmp_path), "GPU") == ok("none on the PCI bus, but the driver has one")


def test_the_driver_is_only_known_to_the_library(tmp_path: Path) -> None:
    step = "mount the host's /proc/driver read-only and name it with --proc-driver-dir"
    seen = f"loaded, but {tmp_path}/proc/driver/nvidia/version is not visible"
    assert ask(site(tmp_path), "driver") == warn(seen, step)


def test_the_driver_is_not_loaded(root: Path) -> None:
    (root / "proc/driver/nvidia/version").unlink()
    made = site(root)
    made.inventory = DriverUnavailable("nvmlInit failed: Driver Not Loaded (NVML error 9)", "load it")
    seen = f"the kernel module is not loaded: there is no {root}/proc/driver/nvidia/version"
    step = "load it (modprobe nvidia), or install the driver of the GPU; dmesg says why it does not load"
    assert ask(made, "driver") == fail(seen, step)
    assert ask(made, "NVML") == fail("nvmlInit failed: Driver Not Loaded (NVML error 9)", "load it")
    made.library = ProbeError("killed")
    assert ask(made, "library").seen == "killed"
    assert ask(made, "NVML") == skip("cannot be asked without its library")


@pytest.mark.parametrize(
    ("version", "name", "expected"),
    [
        ("13.580.159.04", "libnvidia-ml.so.1", "version 580.159.04 as the kernel module"),
        ("", "libnvidia-ml.so.580.159.04", "version 580.159.04 as the kernel module"),
        ("", "libnvidia-ml.so.1", ""),
        ("12.535.104.05", "libnvidia-ml.so.1", " is 535.104.05, the kernel module 580.159.04"),
        ("", "libnvidia-ml.so.535.104.05", " is 535.104.05, the kernel module 580.159.04"),
    ],
)
def test_the_version_of_the_library(root: Path, version: str, name: str, expected: str) -> None:
    made = site(root)
    made.library = {"path": str(root / name), "version": version}
    finding = ask(made, "library")
    gap = "" if not expected or expected[0] == " " else ", "
    assert finding.seen == f"{root}/{name}{gap}{expected}"
    assert finding.state == ("fail" if "535" in expected else "ok")


def test_a_version_without_a_kernel_module_to_compare_with(tmp_path: Path) -> None:
    assert ask(site(tmp_path), "library").seen == f"{tmp_path}/lib/libnvidia-ml.so.1, version 580.159.04"


def test_gpus_that_fail_or_lack(root: Path) -> None:
    made = site(root)
    made.inventory = inventory(gpu(0), failed_gpus=(FailedGpu(index=1, failure=failure("name", "GPU 1")),))
    finding = ask(made, "NVML")
    assert (finding.state, finding.seen) == (
        "fail",
        "GPU 1 is left out: nvmlSomething on GPU 1 failed: GPU is lost (NVML error 15)",
    )
    made.inventory = inventory()
    finding = ask(made, "NVML")
    assert (finding.state, finding.seen) == (
        "warn",
        "0 GPUs answering, driver 460.73.01, the PCI bus shows 1",
    )


def test_missing_device_nodes(root: Path) -> None:
    (root / "dev/nvidia0").unlink()
    assert ask(site(root), "device nodes") == fail(
        f"missing: {root}/dev/nvidia0",
        "run nvidia-smi once as root, which makes them; in a container use the NVIDIA runtime with "
        "NVIDIA_VISIBLE_DEVICES=all",
    )
    write(root / "driver/opt/nvidia/bin/nvidia-smi", "")
    step = ask(site(root, driver_root=str(root / "driver")), "device nodes").next_step
    assert step.startswith(f"run {root}/driver/opt/nvidia/bin/nvidia-smi once as root, ")


def test_mig(root: Path) -> None:
    made = site(root)
    assert ask(made, "MIG") == ok("no GPU is in MIG mode")
    made.inventory = inventory(mig_gpu(0, 2))
    folder = root / "proc/driver/nvidia/capabilities"
    said = "1 GPU in MIG mode, 2 MIG devices"
    assert ask(made, "MIG").seen == f"{said}; {folder} is not visible"
    for number in (7, 8):
        write(folder / f"gpu0/mig/gi{number}/ci0/access", "")
    assert (
        ask(made, "MIG").seen == f"{said}; there is no {folder}/mig/monitor, so that new ones may stay unseen"
    )
    write(folder / "mig/monitor", "nonsense")
    assert ask(made, "MIG").seen.startswith(f"{said}; {folder}/mig/monitor names no device, ")
    write(folder / "mig/monitor", "DeviceFileMinor: 2\nDeviceFileMode: 292\n")
    device = root / "dev/nvidia-caps/nvidia-cap2"
    assert ask(made, "MIG") == warn(
        f"{said}; {device} cannot be read, so that new ones may stay unseen", MIG_ADVICE
    )
    write(device, "")
    assert ask(made, "MIG") == ok(f"{said}, as many as in {folder}")
    write(folder / "gpu0/mig/gi9/ci0/access", "")
    assert ask(made, "MIG") == fail(f"{said}, but 3 in {folder}", MIG_ADVICE)
    made = site(root, mig_strategy="none")
    made.inventory = inventory(mig_gpu(0, 2))
    assert ask(made, "MIG") == ok(f"{said}, of which --mig-strategy none says nothing")


def test_mig_that_may_not_be_seen(root: Path) -> None:
    why = FactFailure(
        fact="memory_bytes",
        source="nvmlDeviceGetMemoryInfo",
        device="GPU 2",
        reason="Insufficient Permissions",
        code=4,
    )
    hidden = mig_gpu(2, 0, memory_bytes=None, failures=(why,))
    said = (
        "2 GPUs in MIG mode, 7 MIG devices, but NVML refuses to tell of them: "
        "nvmlDeviceGetMemoryInfo on GPU 2 failed: Insufficient Permissions (NVML error 4)"
    )
    for strategy, told in (("none", warn), ("single", fail), ("mixed", fail)):
        made = site(root, mig_strategy=strategy)
        made.inventory = inventory(gpu(0), mig_gpu(1), hidden)
        assert ask(made, "MIG") == told(said, MIG_ADVICE)
    failed = FailedGpu(index=3, failure=why._replace(fact="gpu", source="nvmlDeviceGetMigMode"))
    made.inventory = inventory(gpu(0), failed_gpus=(failed,))
    assert ask(made, "NVML") == fail(str(failed), MIG_ADVICE)


def test_proc(root: Path) -> None:
    line = f"22 27 0:21 / {root}/proc rw - tmpfs tmpfs rw\n27 1 254:0 / / rw - ext4 /dev/vda rw\n"
    (root / "mountinfo").write_text(line)
    (root / "proc/driver/nvidia").rename(root / "proc/driver/other")
    finding = ask(site(root), "/proc")
    assert finding.state == "warn"
    assert finding.seen == f"{root}/proc/driver (--proc-driver-dir) is not procfs and has no folder nvidia"
    assert finding.next_step.startswith("mount the host's /proc/driver read-only and name it with")
    assert ask(site(root, proc_driver_dir=""), "/proc").state == "warn"


def test_facts(root: Path) -> None:
    made = site(root)
    hidden = FactFailure(fact="vgpu", source="config", device="d", reason="only 64 of 256 bytes can be read")
    made.inventory = inventory(gpu(0), failures=(hidden,))
    assert ask(made, "facts") == ok("all read, but vgpu.present: only 64 of 256 bytes can be read")
    made.inventory = inventory(gpu(0))
    assert ask(made, "facts") == ok("all read")
    lost = tuple(failure(f"fact{number}") for number in range(5))
    (device, *_) = mig_gpu(0, 1).mig_devices or ()
    broken = device._replace(failures=lost)
    made.inventory = inventory(mig_gpu(0, mig_devices=(broken,)))
    one = "nvmlSomething on GPU 0 failed: GPU is lost (NVML error 15)"
    step = "labels that need them are left out, or fail: gfd snapshot shows all"
    assert ask(made, "facts") == warn(f"{one}; {one}; {one}; and 2 more", step)


def test_labels(root: Path) -> None:
    made = site(root)
    made.labels = GfdError("template x.j2, line 1: no")
    assert ask(made, "labels") == fail("template x.j2, line 1: no", "gfd dump shows the same alone")
    assert ask(made, "nfd-worker") == skip("there are no labels to look for")


def test_the_feature_file(root: Path) -> None:
    file = root / "features.d/gfd"
    file.write_text("#" * 70_000)
    finding = ask(site(root), "feature file")
    assert finding.seen == f"{file} has 70000 bytes; NFD reads none of more than 65536"
    file.write_text("nvidia.com/gpu.count=2\nnvidia.com/gone=1\n")
    step = "is gfd running on this node, with these options? gfd diff shows what it would change"
    said = "1 removed, 1 changed; 0 the same, 0 of others"
    assert ask(site(root), "feature file") == warn(f"{file} is not what this machine renders: {said}", step)
    file.write_text("nvidia.com/gpu.count=1\n")
    assert ask(site(root), "feature file") == ok(f"{file}, 1 lines")
    made = site(root)
    made.labels = GfdError("none")
    assert ask(made, "feature file") == ok(f"{file}, 1 lines")
    file.unlink()
    assert ask(site(root), "feature file").seen == f"{file} is not there"
    scratch = root / "features.d/.gfd-tmp"
    scratch.touch()
    refusal = fail(f"{scratch} is not a directory", f"remove it with: rm {scratch}")
    assert ask(site(root), "feature file") == refusal
    scratch.unlink()
    scratch.mkdir()
    (root / "mountinfo").write_text("27 1 0:44 / / rw - overlay overlay rw\n")
    finding = ask(site(root), "feature file")
    assert finding.seen == f"{root}/features.d is the container's own: nobody else sees it"
    (root / "mountinfo").write_text(
        f"27 1 0:44 / / rw - overlay overlay rw\n28 27 0:1 /x {root}/features.d rw - ext4 /dev/vda rw\n"
    )
    assert ask(site(root), "feature file").seen == f"{file} is not there"
    assert ask(site(root, sinks="stdout"), "feature file") == skip("labels go to stdout")
    assert ask(site(root, sinks="stdout"), "nfd-worker") == skip("the feature file is not used")


def test_a_worker_without_a_cluster(root: Path) -> None:
    made = site(root)
    made.cluster = GfdError("no cluster")
    write(root / "proc/12/comm", "bash\n")
    assert ask(made, "nfd-worker").state == "skip"
    write(root / "proc/13/comm", "nfd-worker\n")
    seen = "process 13; whether it reads the file, a cluster would tell"
    assert ask(made, "nfd-worker") == ok(seen)


def test_what_needs_a_cluster_is_skipped_together(root: Path) -> None:
    made = site(root, kubeconfig="/gone/kubeconfig")
    no_cluster = "kubeconfig /gone/kubeconfig: there is no such file; set another with --kubeconfig"
    found = list(examine(made))[-2:]
    assert found == [
        ("API server", skip(f"no cluster: {no_cluster}")),
        (
            "cluster",
            skip(
                "no answer from one, so nothing about: clock, token, rights, policy, NFD, Node, doubled, "
                "operator"
            ),
        ),
    ]
    made = site(root, kubeconfig="/gone/kubeconfig", sinks="node", node_name="n1")
    assert ask(made, "API server") == fail(
        no_cluster,
        "labels cannot get there: see the service account, automountServiceAccountToken, or --kubeconfig",
    )


def test_a_check_that_crashes_hides_no_other(root: Path) -> None:
    def crash(_: Site) -> Finding:
        raise ZeroDivisionError("division by zero")

    def complain(_: Site) -> Finding:
        raise GfdError("it is gone")

    checks = [
        Check(name="crash", examine=crash),
        Check(name="complain", examine=complain),
        Check(name="last", examine=lambda _: ok("fine")),
    ]
    assert list(examine(site(root), checks)) == [
        (
            "crash",
            fail(
                "this check itself failed: ZeroDivisionError: division by zero",
                "report it, with gfd doctor --bundle",
            ),
        ),
        ("complain", fail("cannot be examined: it is gone", "what is said there comes first")),
        ("last", ok("fine")),
    ]


def test_every_check_survives_anything(tmp_path: Path) -> None:
    """Folders where files should be, files where folders should be, and text that is none."""
    root = lay_out(tmp_path / "root")
    made = site(root)
    for path in ("proc/driver/nvidia/version", f"proc/driver/nvidia/gpus/{ADDRESS}/information"):
        (root / path).unlink()
        (root / path).mkdir()
    (root / "features.d/gfd").write_bytes(b"\xff\xfe=\n")
    (root / "mountinfo").mkdir()
    made.cluster = GfdError("no cluster")
    names = {name for name, finding in examine(made) if "itself failed" in finding.seen}
    assert names == {"device nodes"}


# ---- How it is told ----

FINDINGS = (
    ("first", ok("one \x1b[2J")),
    ("second", warn("a b " * 10, "do this and that and something else as well")),
    ("third", fail("no", "yes")),
    ("fourth", skip("why")),
)


def test_text() -> None:
    text = to_text(FINDINGS)
    assert text == (
        "ok    first   one \\x1b[2J\n"
        f"warn  second  {('a b ' * 10).rstrip()}\n"
        "              -> do this and that and something else as well\n"
        "FAIL  third   no\n"
        "              -> yes\n"
        "skip  fourth  why\n"
        "1 ok, 1 to be warned of, 1 failed, 1 skipped\n"
    )


def test_text_on_a_narrow_terminal() -> None:
    text = to_text(FINDINGS, width=40, is_coloured=True)
    assert text.splitlines()[:6] == [
        "\x1b[32mok\x1b[0m    first   one \\x1b[2J",
        "\x1b[33mwarn\x1b[0m  second  a b a b a b a b a b a b a",
        "              b a b a b a b",
        "              -> do this and that and",
        "                 something else as well",
        "\x1b[31mFAIL\x1b[0m  third   no",
    ]


def test_json() -> None:
    assert json.loads(to_json(FINDINGS[1:3])) == [
        {"check": "second", "state": "warn", "seen": "a b " * 10, "next": FINDINGS[1][1].next_step},
        {"check": "third", "state": "fail", "seen": "no", "next": "yes"},
    ]
    assert summarise(()) == ""


def test_names_are_one_of_a_kind() -> None:
    names = [check.name for check in CHECKS]
    assert len(set(names)) == len(names)
    assert set(hardware.CHECKS) | set(publishing.CHECKS) < set(CHECKS)


def test_the_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The command examines the machine it runs on, and that may run an nfd-worker.
    monkeypatch.setattr(publishing, "_find_process", lambda site: None)

    def doctor(*argv: str) -> tuple[int | None, str, str]:
        given = ("doctor", "--simulate=t4", f"--output-file={tmp_path}/gfd", "--kubeconfig=/gone", *argv)
        code = cli.run(given, {})
        said: Any = capsys.readouterr()
        return code, said.out, said.err

    code, out, err = doctor()
    assert (code, err) == (0, "")
    assert out == (
        "skip  hardware      t4 is simulated: GPU, driver, library, NVML, device nodes, MIG, /proc, facts\n"
        "ok    labels        this machine renders 26\n"
        f"warn  feature file  {tmp_path}/gfd is not there\n"
        "                    -> start gfd on this node, or gfd --oneshot\n"
        "skip  nfd-worker    none among the processes that are visible here, and no cluster to ask\n"
        "skip  API server    no cluster: kubeconfig /gone: there is no such file; set another with "
        "--kubeconfig\n"
        "skip  cluster       no answer from one, so nothing about: clock, token, rights, policy, NFD, Node, "
        "doubled, operator\n"
        "1 ok, 1 to be warned of, 4 skipped\n"
    )
    code, out, err = doctor("-o", "json", "--sink=node", "--node-name=n1")
    assert (code, err) == (1, "gfd: failed: API server\n")
    assert [each["check"] for each in json.loads(out) if each["state"] == "fail"] == ["API server"]
