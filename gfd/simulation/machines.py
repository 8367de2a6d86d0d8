"""Build the inventory of a simulated machine from a YAML file.

A machine lists its driver and its GPUs. ``models.yaml``, beside the built-in machines, describes the GPU
models. A user's machine file may add ``models`` and ``mig`` in the same format, and each GPU may
override fields of its model. GPUs are numbered by PCI address. UUIDs are derived from the machine's name and
the GPU's index, so that they never change.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from gfd.errors import ConfigError
from gfd.inventory.model import Inventory, Vgpu
from gfd.simulation import layouts
from gfd.simulation.file import load
from gfd.simulation.instance_types import InstanceType, list_instance_types
from gfd.simulation.machine_gpus import read_nvml_gpus, read_tegra_gpus, read_vfio_gpus
from gfd.simulation.mig_devices import create_mig_devices
from gfd.simulation.models import GpuModels, read_version
from gfd.simulation.placement import DoesNotFitError
from gfd.text import find_closest

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.inventory.model import Gpu
    from gfd.simulation.placement import Geometry

FOLDER = Path(__file__).parent / "data"
MODELS = FOLDER / "models.yaml"

_DRIVER_VERSION, _CUDA_VERSION = "580.105.08", "13.0"
"""The driver of the instance types: that of most built-in machines. The user of an instance chooses it."""
_FIELDS = (
    "description",
    "source",
    "discovery",
    "driver_version",
    "cuda_version",
    "machine_type",
    "vgpu",
    "fabric",
    "nvlink",
    "gpus",
    "models",
    "mig",
)


def list_names() -> tuple[str, ...]:
    """Return the names of the built-in machines."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml") if path != MODELS))


def describe(name: str) -> str:
    """Return the one-line description of a built-in machine, or the cloud of an instance type."""
    return _load(name).field("description").text()


def find_source(name: str) -> str:
    """Return where the data of a built-in machine or an instance type come from, in words."""
    return _load(name).field("source").text()


def find_mig_sources(name: str) -> dict[str, str | None]:
    """Return where the MIG tables of a machine's GPUs come from, in words, by the name of the GPU."""
    document = _load(name)
    models = GpuModels.of(_load_models(), document)
    return dict(models.find_mig_source(entry) for entry in document.field("gpus").items())


def find_name(word: str) -> str:
    """Return the name of a built-in machine or instance type, written in any case. Raises ConfigError."""
    known = {name.lower(): name for name in (*list_names(), *list_instance_types())}
    if word.lower() in known:
        return known[word.lower()]
    if "," in word.strip(", "):
        reason = f"{word} names several machines; only gfd match, nodes and select take several"
    else:
        closest = find_closest(word, known.values())
        hint = f"did you mean {closest}? " if closest else ""
        reason = f"there is no machine {word}; {hint}gfd machines lists all of them"
    raise ConfigError("--simulate", "command line", reason)


def find_instance_type(machine: str) -> InstanceType | None:
    """Return the instance type with this name, written in any case; None if it is no instance type."""
    return None if layouts.is_path(machine) else list_instance_types().get(find_name(machine))


def read(
    machine: str,
    layout: str | None = None,
    layout_name: str | None = None,
    *,
    has_unified_memory: bool = False,
) -> Inventory:
    """Return the inventory of ``machine``, the name of a built-in machine or the path of a file.

    ``layout`` is the MIG layout: its name, or the path of a mig-parted file, in which ``layout_name`` chooses
    one. ``has_unified_memory`` adds the memory that only CUDA shows, for GPUs that use the memory of the CPU.

    Raises ConfigError if something does not exist or does not fit, DocumentError if a machine file is
    invalid.
    """
    document = _load(machine)
    if layout is None and layout_name is not None:
        raise ConfigError("--mig-config", "command line", "needs --mig with a mig-parted file")
    machine_type = document.field("machine_type")
    inventory = Inventory(
        machine_type=None if machine_type.content is None else machine_type.text(),
        vgpu=_read_vgpu(document.field("vgpu")),
    )
    discovery = _read_discovery(document.field("discovery"))
    models = GpuModels.of(_load_models(), document)
    if discovery != "nvml":
        inventory = inventory._replace(discovery=discovery)
        if discovery == "vfio":
            inventory = inventory._replace(gpus=read_vfio_gpus(document, models))
        else:
            gpus_of_cuda = read_tegra_gpus(document, models)
            inventory = inventory._replace(cuda_version=_read_cuda_version(document), gpus=gpus_of_cuda)
        if layout is not None:
            layouts.resolve_layout(layout, layout_name, [(gpu, None) for gpu in inventory.gpus])
        return inventory
    targets = read_nvml_gpus(document, models, has_unified_memory=has_unified_memory)
    if layout is not None:
        gpu_layouts = layouts.resolve_layout(layout, layout_name, targets)
        gpus = [_apply_layout(gpu, geometry, layout, gpu_layouts.get(gpu.index)) for gpu, geometry in targets]
    else:
        gpus = [gpu for gpu, _ in targets]
    return inventory._replace(
        driver_version=document.field("driver_version").text(),
        cuda_version=_read_cuda_version(document),
        gpus=tuple(gpus),
    )


def _load(machine: str) -> Value:
    if layouts.is_path(machine):
        path = Path(machine)
        if not path.exists():
            raise ConfigError("--simulate", "command line", f"file {machine} does not exist")
    else:
        name = find_name(machine)
        if name in list_instance_types():
            return _describe_instance(list_instance_types()[name])
        path = FOLDER / f"{name}.yaml"
    return load(path).only(*_FIELDS)


def _describe_instance(instance: InstanceType) -> Value:
    """Return the machine file of an instance type. Its PCI addresses are examples."""
    from gfd.documents import reader

    content = {
        "description": instance.family.cloud,
        "source": "cloud's documentation",
        "driver_version": _DRIVER_VERSION,
        "cuda_version": _CUDA_VERSION,
        "machine_type": instance.machine_type,
        "vgpu": {"is_present": instance.family.is_vgpu},
        # The GPUs with NVLink are those of HGX boards, where NVSwitches connect all. A virtual machine
        # with only one of them has no NVLink.
        "nvlink": "all-to-all",
        "gpus": [
            {
                "model": instance.family.model,
                "pci_address": f"0000:{index + 1:02x}:00.0",
                **({"nvlink_links": None} if instance.gpus == 1 else {}),
            }
            for index in range(instance.gpus)
        ],
    }
    return reader.read(json.dumps(content).encode(), f"{instance.name}.instance")


@cache
def list_gpu_names() -> tuple[str, ...]:
    """Return the names of all GPU models that gfd knows, as NVML writes them, sorted."""
    models = GpuModels.of(_load_models()).models.values()
    return tuple(sorted({model.field("name").text() for model in models}))


@cache
def _load_models() -> Value:
    return load(MODELS)


def _read_discovery(discovery: Value) -> str:
    """Return how the GPUs of a machine are found: ``nvml`` if the file does not say it."""
    if discovery.content is None:
        return "nvml"
    if discovery.text() not in ("nvml", "tegra", "vfio"):
        raise discovery.error(f"expected nvml, tegra or vfio, found {discovery.text()}")
    return discovery.text()


def _read_cuda_version(document: Value) -> int:
    """Return the CUDA version as the driver encodes it."""
    major, minor = read_version(document.field("cuda_version"))
    return 1000 * major + 10 * minor


def _read_vgpu(entry: Value) -> Vgpu:
    entry.only("is_present", "host_driver_version", "host_driver_branch")
    if entry.content is None:
        return Vgpu(is_present=False)
    version, branch = entry.field("host_driver_version"), entry.field("host_driver_branch")
    return Vgpu(
        is_present=entry.field("is_present").boolean(),
        host_driver_version=None if version.content is None else version.text(),
        host_driver_branch=None if branch.content is None else branch.text(),
    )


def _apply_layout(
    gpu: Gpu, geometry: Geometry | None, layout: str, gpu_layout: layouts.GpuLayout | None
) -> Gpu:
    if gpu_layout is None or geometry is None:
        return gpu
    try:
        devices = create_mig_devices(
            geometry, gpu_layout.devices, gpu_uuid=gpu.uuid or "", memory_bytes=gpu.memory_bytes or 0
        )
    except DoesNotFitError as error:
        reason = f"{layout} does not fit on GPU {gpu.index} ({gpu.name}): {error}"
        raise ConfigError("--mig", "command line", reason) from error
    return gpu._replace(is_mig_enabled=gpu_layout.is_mig_enabled, mig_devices=devices)
