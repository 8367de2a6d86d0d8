"""What the image does, in the security context of the manifests."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

import gfd
from gfd.inventory.model import Inventory
from gfd.simulation import machines
from tests.image import PATIENCE_S, Container
from tests.image.simulated import ARGUMENTS, LABELS, LAYOUT, MACHINE
from tests.standin import LIBRARY, build, from_inventory

pytestmark = pytest.mark.slow


def test_it_is_gfd(agent: Container) -> None:
    assert agent.run("--version") == (0, f"gfd {gfd.__version__}\n", "")


def test_a_simulated_machine_is_labelled(agent: Container) -> None:
    assert agent.run("dump", *ARGUMENTS) == (0, LABELS, "")


def test_a_missing_driver_is_told_in_one_line(agent: Container) -> None:
    told = (
        "gfd: libnvidia-ml.so.1 could not be loaded from the loader's path or under /driver-root: "
        "libnvidia-ml.so.1: cannot open shared object file: No such file or directory; install the NVIDIA "
        "driver; in a container use the NVIDIA runtime, or mount the driver and pass its folder with "
        "--driver-root-ctr-path\n"
    )
    assert agent.run("--oneshot", "--sink=stdout") == (1, "", told)


def test_credentials_that_cannot_be_used_are_told_in_one_line(agent: Container, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("apiVersion: v1\nkind: Config\n")
    outside = replace(agent, mounts={"/config": tmp_path / "config"}, environ={"KUBECONFIG": "/config"})
    told = "gfd: sink node: nodes/a: kubeconfig /config has no contexts; set another with --kubeconfig\n"
    assert outside.run("--oneshot", "--sink=node", "--node-name=a", *ARGUMENTS) == (1, "", told)


def test_the_driver_is_read_as_nvidias_runtime_brings_it(agent: Container, tmp_path: Path) -> None:
    """It puts the library among Debian's and has the host's ldconfig make the name that programs ask for."""
    root = tmp_path / "root"
    subprocess.run(("cp", "-a", agent.image.root, root), check=True)
    (libraries,) = root.glob("usr/lib/*-linux-gnu")
    library = build(tmp_path / "lib") / LIBRARY
    library.rename(libraries / LIBRARY.replace(".so.1", ".so.460.73.01"))
    subprocess.run(("ldconfig", "-r", root), check=True)
    assert (libraries / LIBRARY).is_symlink()

    inventory = machines.read(MACHINE, LAYOUT)
    inside = replace(
        agent,
        image=replace(agent.image, root=root),
        mounts={
            "/machine": from_inventory(inventory).write(tmp_path / "machine"),
            "/sys": write_sysfs(tmp_path / "sys", inventory),
        },
        environ={"GFD_STANDIN": "/machine"},
    )
    assert inside.run("--oneshot", "--sink=stdout", *ARGUMENTS[2:]) == (0, LABELS, "")


def write_sysfs(folder: Path, inventory: Inventory) -> Path:
    (folder / "class/dmi/id").mkdir(parents=True)
    (folder / "class/dmi/id/product_name").write_text(f"{inventory.machine_type}\n")
    for gpu in inventory.gpus:
        device = folder / "bus/pci/devices" / str(gpu.pci_address)
        device.mkdir(parents=True)
        (device / "vendor").write_text("0x10de\n")
        (device / "class").write_text(f"0x{gpu.pci_class or 0:04x}00\n")
        (device / "config").write_bytes(bytes(256))
    return folder


def test_nvidias_manifests_call_it_by_name_and_by_path(agent: Container) -> None:
    for command in ("gpu-feature-discovery", "/usr/bin/gpu-feature-discovery"):
        called = replace(agent, command=(command,))
        assert called.run("--version") == (0, f"gfd {gfd.__version__}\n", "")


def test_the_service_writes_its_file_and_ends_when_told(agent: Container, tmp_path: Path) -> None:
    """As in manifests/components/file: uid 0, without a capability."""
    as_root = {**agent.security, "runAsUser": 0, "runAsGroup": 0}
    check_feature_file(replace(agent, security=as_root, environ={"GFD_SINK": "file"}), tmp_path)


def test_the_gpu_operator_names_no_user(agent: Container, tmp_path: Path) -> None:
    """On OpenShift its pod writes the feature file; no capability is needed for that."""
    security = {name: value for name, value in agent.security.items() if not name.startswith("runAs")}
    by_operator = replace(
        agent,
        image=replace(agent.image, config=agent.image.operator),
        security={**security, "readOnlyRootFilesystem": False},
        command=("gpu-feature-discovery",),
        environ={"USE_NODE_FEATURE_API": "false"},
    )
    check_feature_file(by_operator, tmp_path)


def check_feature_file(container: Container, tmp_path: Path) -> None:
    """Assert that the service writes its feature file, and ends when it is told to."""
    folder = tmp_path / "features.d"
    folder.mkdir()
    target = "/etc/kubernetes/node-feature-discovery/features.d"
    with replace(container, writable={target: folder}).start(*ARGUMENTS) as process:
        deadline_s = time.monotonic() + PATIENCE_S
        while not (folder / "gfd").exists():
            assert process.poll() is None
            assert time.monotonic() < deadline_s
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, output) == (0, ""), errors
    assert (folder / "gfd").read_text() == LABELS
