"""Which changes of a node's files give other fingerprints."""

from __future__ import annotations

import itertools
import os
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gfd.agent import fingerprints
from gfd.agent.debouncer import QUIET_S
from gfd.agent.watch_sources import (
    watch_configuration,
    watch_feature_file,
    watch_hardware,
)
from gfd.agent.watcher import Task, Watcher
from gfd.config import loader, model
from gfd.labels.requirements import CUDA_LIBRARY
from gfd.probe.driver_files import LIBRARY, LIBRARY_FOLDERS
from tests.pci_bus import INTEL, PciDevice, build_bus


def options(tmp_path: Path, **values: Any) -> model.Config:
    given_values = {
        "proc_driver_dir": str(tmp_path / "proc"),
        "driver_root": str(tmp_path / "driver"),
        **values,
    }
    return loader.load(
        {"output_file": "", **{name: str(value) for name, value in given_values.items()}}, {}
    ).config


class Node:
    """A file system with two GPUs, one of them in MIG mode, and what reads its fingerprints."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nvidia = path / "proc/nvidia"
        self.mig = self.nvidia / "capabilities/gpu0/mig"
        for folder in ("gpus/0000:3b:00.0", "gpus/0000:5e:00.0", "capabilities/mig", "capabilities/gpu1"):
            (self.nvidia / folder).mkdir(parents=True)
        for gi in (1, 2):
            self.divide(gi)
        (self.nvidia / "version").write_text("NVRM version: 535.161.08\n")
        self.libraries = path / "driver/usr/lib64"
        self.libraries.mkdir(parents=True)
        (self.libraries / LIBRARY).write_text("535")
        (path / "dev").mkdir()
        (path / "dev/nvidia0").touch()
        (path / "etc").mkdir()
        (path / "lib").mkdir()
        environ = {"LD_LIBRARY_PATH": f"{path / 'lib'}::/nowhere"}
        self.read = watch_hardware(options(path), environ, path)

    def divide(self, gi: int, *cis: int, name: str = "") -> None:
        for ci in cis or (0,):
            folder = self.mig / (name or f"gi{gi}") / f"ci{ci}"
            folder.mkdir(parents=True)
            (folder / "access").touch()
        (folder.parent / "access").touch()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def pass_tick(folder: Path) -> None:
    """Return when a file that is written now is newer than all that were: file systems count in ticks."""
    probe = folder.parent / f"{folder.name}.tick"
    probe.touch()
    started = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == started:
        probe.touch()
    probe.unlink()


def make_again(node: Node) -> None:
    """Put another folder in the place of one, of the same name and content."""
    node.divide(0, 0, name="new")
    shutil.rmtree(node.mig / "gi1")
    (node.mig / "new").rename(node.mig / "gi1")


HARDWARE_CHANGES = {
    "a GPU goes": lambda node: (node.nvidia / "gpus/0000:5e:00.0").rmdir(),
    "a GPU comes": lambda node: (node.nvidia / "gpus/0000:af:00.0").mkdir(),
    "a GPU instance goes": lambda node: shutil.rmtree(node.mig / "gi2"),
    "a GPU instance comes": lambda node: node.divide(9),
    "a GPU instance is made again": make_again,
    "one goes, one comes": lambda node: (node.mig / "gi2").rename(node.mig / "gi3"),
    "a compute instance goes": lambda node: shutil.rmtree(node.mig / "gi1/ci0"),
    "a compute instance comes": lambda node: node.divide(1, 1),
    "MIG is turned on": lambda node: (node.nvidia / "capabilities/gpu1/mig").mkdir(),
    "MIG is turned off": lambda node: shutil.rmtree(node.mig),
    "the driver is unloaded": lambda node: shutil.rmtree(node.nvidia),
    "the driver is another": lambda node: (node.nvidia / "version").write_text("NVRM version: 550.54.15\n"),
    "the version goes": lambda node: (node.nvidia / "version").unlink(),
    "the library goes": lambda node: (node.libraries / LIBRARY).unlink(),
    "the library is another": lambda node: (node.libraries / LIBRARY).write_text("550"),
    "a library comes where the loader looks": lambda node: (node.path / "lib" / LIBRARY).touch(),
    "the loader's cache comes": lambda node: (node.path / "etc/ld.so.cache").touch(),
    "a device node comes": lambda node: (node.path / "dev/nvidia1").touch(),
    "a device node goes": lambda node: (node.path / "dev/nvidia0").unlink(),
    "there are no devices": lambda node: shutil.rmtree(node.path / "dev"),
}


@pytest.mark.parametrize("change", HARDWARE_CHANGES.values(), ids=HARDWARE_CHANGES)
def test_a_change_of_the_hardware_is_seen(node: Node, change: Any) -> None:
    before = node.read()
    assert node.read() == before
    pass_tick(node.path)
    change(node)
    after = node.read()
    assert after != before
    assert node.read() == after


def test_a_driver_behind_absolute_links_is_watched(node: Node) -> None:
    """As on Debian, where the kernel would follow them out of the driver root."""
    (node.libraries / LIBRARY).unlink()
    (node.libraries / LIBRARY).symlink_to(f"/etc/alternatives/{LIBRARY}")
    alternatives, old, new = (
        node.path / "driver" / name for name in ("etc/alternatives", "opt/535", "opt/550")
    )
    for folder in (alternatives, old, new):
        folder.mkdir(parents=True)
    for folder in (old, new):
        (folder / LIBRARY).write_text(folder.name)
    (alternatives / LIBRARY).symlink_to(f"/opt/535/{LIBRARY}")
    before = node.read()
    assert node.read() == before
    pass_tick(node.path)
    (old / LIBRARY).write_text("535.1")
    changed = node.read()
    (alternatives / LIBRARY).unlink()
    gone = node.read()
    (alternatives / LIBRARY).symlink_to(f"/opt/550/{LIBRARY}")
    found = [before, changed, gone, node.read()]
    assert all(one != other for one, other in pairwise(found))


@pytest.mark.parametrize("folder", LIBRARY_FOLDERS)
def test_the_library_is_watched_wherever_the_probe_finds_it(tmp_path: Path, folder: str) -> None:
    read = watch_hardware(options(tmp_path), {}, tmp_path)
    before = read()
    library = tmp_path / "driver" / folder / LIBRARY
    library.parent.mkdir(parents=True)
    library.touch()
    assert read() != before


def test_other_devices_are_not_watched(node: Node) -> None:
    before = node.read()
    (node.path / "dev/null0").touch()
    assert node.read() == before


def test_the_library_in_the_folders_of_the_node_is_watched(node: Node) -> None:
    before = node.read()
    (node.path / "usr/lib").mkdir(parents=True)
    (node.path / "usr/lib" / LIBRARY).touch()
    assert node.read() != before


def test_a_driver_that_comes_later_is_seen(tmp_path: Path) -> None:
    read = watch_hardware(options(tmp_path), {}, tmp_path)
    before = read()
    assert read() == before
    (tmp_path / "proc/nvidia/gpus").mkdir(parents=True)
    assert read() != before


@pytest.mark.parametrize(
    ("values", "is_watched"),
    [({}, True), ({"proc_driver_dir": ""}, False), ({"simulate": "dgx-h100"}, False)],
)
def test_the_hardware_is_watched_unless_simulated(
    node: Node, values: dict[str, str], is_watched: bool
) -> None:
    read = watch_hardware(options(node.path, **values), {}, node.path)
    before = read()
    make_again(node)
    assert (read() != before) == is_watched


def test_drivers_of_gpus_for_virtual_machines_are_watched(tmp_path: Path) -> None:
    first, second = PciDevice(), PciDevice(address="0000:65:00.0", driver=None)
    root = build_bus(tmp_path, (first, PciDevice(address="0000:00:02.0", vendor=INTEL)))
    read = watch_hardware(options(root, device_discovery_strategy="vfio"), {}, root)
    devices = root / "sys/bus/pci/devices"
    found = [read()]
    assert read() == found[0]
    (devices / "0000:00:02.0/driver").unlink()
    assert read() == found[0]
    (devices / first.address / "driver").unlink()
    found.append(read())
    (devices / first.address / "driver").symlink_to("../../drivers/nvidia")
    found.append(read())
    build_bus(tmp_path / "other", (second,))
    shutil.move(tmp_path / "other/sys/bus/pci/devices" / second.address, devices)
    found.append(read())
    shutil.rmtree(devices)
    found.append(read())
    assert all(one != other for one, other in pairwise(found))


CUDA_CHANGES = {
    "the library comes": lambda root: (root / "usr/lib64" / CUDA_LIBRARY).touch(),
    "a library comes below the driver root": lambda root: (root / "driver/usr/lib64" / CUDA_LIBRARY).touch(),
    "the memory manager's node comes": lambda root: (root / "dev/nvmap").touch(),
    "the GPU's node goes": lambda root: (root / "dev/nvhost-gpu").unlink(),
}


@pytest.mark.parametrize("strategy", ["tegra", "auto"])
@pytest.mark.parametrize("change", CUDA_CHANGES.values(), ids=CUDA_CHANGES)
def test_a_change_of_a_tegra_machine_is_seen(tmp_path: Path, change: Any, strategy: str) -> None:
    for folder in ("usr/lib64", "driver/usr/lib64", "dev"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dev/nvhost-gpu").touch()
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/nv_tegra_release").touch()
    read = watch_hardware(options(tmp_path, device_discovery_strategy=strategy), {}, tmp_path)
    before = read()
    assert read() == before
    pass_tick(tmp_path)
    change(tmp_path)
    assert read() != before


def test_tegra_does_not_watch_nvml(tmp_path: Path) -> None:
    read = watch_hardware(options(tmp_path, device_discovery_strategy="tegra"), {}, tmp_path)
    assert not any(LIBRARY in path or "proc" in path for path in read())


def test_stable_folders_are_not_listed_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    before = node.read()
    monkeypatch.setattr(os, "scandir", None)
    assert node.read() == before


def test_a_stable_device_folder_is_not_listed_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    os.utime(node.path / "dev")
    monkeypatch.setattr(fingerprints, "STABLE_NS", -1)
    before = node.read()
    monkeypatch.setattr(os, "listdir", None)
    assert node.read() == before
    (node.path / "dev/nvidia0").chmod(0o600)  # only its name is watched
    assert node.read() == before


def test_a_folder_with_two_names_is_watched_once(node: Node) -> None:
    names = len(node.read())
    (node.path / "driver/lib64").symlink_to("usr/lib64")
    read = watch_hardware(options(node.path), {"LD_LIBRARY_PATH": str(node.path / "lib")}, node.path)
    assert str(node.libraries / LIBRARY) in read()
    assert str(node.path / "driver/lib64" / LIBRARY) not in read()
    assert len(read()) == names - 2  # /nowhere was one of them


def test_a_link_that_is_turned_to_another_driver_is_seen(node: Node) -> None:
    for version in ("535", "550"):
        (node.path / version).mkdir()
        (node.path / version / LIBRARY).write_text(version)
    current = node.path / "current"
    current.symlink_to(node.path / "535")
    read = watch_hardware(options(node.path), {"LD_LIBRARY_PATH": str(current)}, node.path)
    before = read()
    current.unlink()
    current.symlink_to(node.path / "550")
    assert read() != before


def test_no_device_is_opened(node: Node) -> None:
    (node.path / "dev/nvidia0").unlink()
    os.mkfifo(node.path / "dev/nvidia0")  # an open would wait for ever
    assert node.read()


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise PermissionError

    for name in ("stat", "scandir", "listdir", "readlink", "open"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr("builtins.open", refuse)


def test_forbidden_files_have_a_fingerprint(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    configuration = watch_configuration(settings_of(node.path))
    before = node.read(), configuration()
    with monkeypatch.context() as patch:
        forbid(patch)
        forbidden = node.read(), configuration()
    assert forbidden[0] != before[0]
    assert forbidden[1] != before[1]
    assert (node.read(), configuration()) == before


def settings_of(tmp_path: Path) -> model.Config:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings/config.yaml").write_text("version: v1\n")
    folder = tmp_path / "templates"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.j2").write_text("a=1\n")
    (folder / "sub/b.j2").write_text("b=1\n")
    return options(tmp_path, config_file=tmp_path / "settings/config.yaml", template_dir=folder)


CONFIGURATION_CHANGES = {
    "the file is written": lambda path: (path / "settings/config.yaml").write_text("version: v2\n"),
    "the file is touched": lambda path: (path / "settings/config.yaml").touch(),
    "the file may not be read": lambda path: (path / "settings/config.yaml").chmod(0),
    "the file goes": lambda path: (path / "settings/config.yaml").unlink(),
    "a template comes": lambda path: (path / "templates/c.j2").touch(),
    "a template is written": lambda path: (path / "templates/a.j2").write_text("a=2\n"),
    "a template is renamed": lambda path: (path / "templates/a.j2").rename(path / "templates/c.j2"),
    "a template goes": lambda path: (path / "templates/a.j2").unlink(),
    "a template below is written": lambda path: (path / "templates/sub/b.j2").write_text("b=2\n"),
    "a folder comes": lambda path: (path / "templates/more").mkdir(),
    "the folder goes": lambda path: shutil.rmtree(path / "templates"),
    "the folder is renamed": lambda path: (path / "templates").rename(path / "elsewhere"),
}


@pytest.mark.parametrize("change", CONFIGURATION_CHANGES.values(), ids=CONFIGURATION_CHANGES)
def test_a_change_of_the_configuration_is_seen(tmp_path: Path, change: Any) -> None:
    read = watch_configuration(settings_of(tmp_path))
    before = read()
    assert read() == before
    pass_tick(tmp_path)
    change(tmp_path)
    after = read()
    assert after != before
    assert read() == after


@pytest.mark.parametrize("name", ["templates/.a.j2.swp", "templates/a.j2~", "settings/.config.yaml.swp"])
def test_temporary_files_of_editors_are_not_watched(tmp_path: Path, name: str) -> None:
    read = watch_configuration(settings_of(tmp_path))
    before = read()
    (tmp_path / name).touch()
    assert read() == before


def test_an_empty_folder_differs_from_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    read = watch_configuration(options(tmp_path, template_dir=tmp_path / "templates"))
    before = read()
    (tmp_path / "templates").rmdir()
    assert read() != before


def test_without_a_config_file_nothing_is_watched(tmp_path: Path) -> None:
    assert watch_configuration(options(tmp_path))() == {}


def test_a_replaced_configmap_is_seen(tmp_path: Path) -> None:
    """As the kubelet does it: a new hidden folder, and one rename."""
    mount = tmp_path / "mount"
    (mount / "..1").mkdir(parents=True)
    (mount / "..1/config.yaml").write_text("version: v1\n")
    (mount / "..1/a.j2").write_text("a=1\n")
    (mount / "..data").symlink_to("..1")
    for name in ("config.yaml", "a.j2"):
        (mount / name).symlink_to(f"..data/{name}")
    configuration = options(tmp_path, config_file=mount / "config.yaml", template_dir=mount)
    read = watch_configuration(configuration)
    before = read()
    (mount / "..2").mkdir()
    for name in ("config.yaml", "a.j2"):
        os.link(mount / "..1" / name, mount / "..2" / name)  # only the link tells them apart
    middle = read()
    (mount / "..new").symlink_to("..2")
    (mount / "..new").rename(mount / "..data")
    assert all(read()[path] != middle[path] for path in middle)
    assert len(before) == 2


def test_a_watcher_of_real_files_watches_a_new_configuration(node: Node) -> None:
    old = settings_of(node.path)
    watcher = Watcher(node.read, watch_configuration(old))
    pass_tick(node.path)
    (node.path / "settings/config.yaml").write_text("version: v1 # again\n")
    make_again(node)
    new = options(node.path, config_file=old.config_file)
    watcher.replace_sources(watch_hardware(new, {}, node.path), watch_configuration(new))
    assert watcher.poll(0) == Task(0)
    assert watcher.poll(QUIET_S) == Task.CYCLE | Task.RELOAD
    assert watcher.poll(2 * QUIET_S) == Task(0)


def test_the_feature_file_and_its_directory(tmp_path: Path) -> None:
    directory = tmp_path / "features.d"
    read = watch_feature_file(options(tmp_path, output_file=directory / "gfd"))
    seen = [read()]
    directory.mkdir()
    seen.append(read())
    (directory / "gfd").write_text("a=1\n")
    seen.append(read())
    (directory / "gfd").write_text("a=10\n")
    seen.append(read())
    (tmp_path / "other").write_text("a=10\n")
    (tmp_path / "other").replace(directory / "gfd")
    seen.append(read())
    (directory / "gfd").rename(tmp_path / "other")
    (directory / "gfd").symlink_to(tmp_path / "other")
    seen.append(read())
    (directory / "gfd").unlink()
    seen.append(read())
    directory.rename(tmp_path / "old")
    directory.mkdir()
    seen.append(read())
    assert all(before != after for before, after in itertools.pairwise(seen))
    # Other files in the folder, and the target of a link, are not watched.
    (directory / "other").touch()
    assert read() == seen[-1]
    assert watch_feature_file(options(tmp_path, sinks="stdout"))() == {}
