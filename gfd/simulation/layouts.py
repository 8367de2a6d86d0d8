"""Resolve the MIG layout of ``--mig``: a name, or a mig-parted file.

The names are those of mig-parted's default configuration. ``all-<profile>`` creates as many MIG devices of
the profile as fit. A named layout skips GPUs that do not support it, if at least one GPU does. In a file,
``devices: all`` skips GPUs without MIG, as mig-parted does. Every other selected GPU must support its entry.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gfd.errors import ConfigError, DocumentError
from gfd.simulation.file import load
from gfd.text import list_known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.documents.value import Value
    from gfd.inventory.model import Gpu
    from gfd.simulation.placement import Geometry


class GpuLayout(NamedTuple):
    """The MIG layout of one GPU."""

    is_mig_enabled: bool
    devices: tuple[tuple[str, int], ...] = ()
    """The number of MIG devices of each profile, by mig-parted's name."""


Target = tuple["Gpu", "Geometry | None"]
Layout = dict[int, GpuLayout]
"""GPU index -> layout. GPUs without an entry do not change."""


def is_path(name: str) -> bool:
    """Return whether ``name`` is the path of a file, not the name of something built in."""
    return "/" in name or name.endswith((".yaml", ".yml", ".json"))


def resolve_layout(layout: str, layout_name: str | None, targets: Sequence[Target]) -> Layout:
    """Return the layout of each GPU. Raises ConfigError if the machine does not support ``layout``."""
    if is_path(layout):
        try:
            return _read_file(Path(layout), layout_name, targets)
        except DocumentError as error:
            raise ConfigError("--mig", "command line", str(error)) from error
    if layout_name is not None:
        reason = f"chooses a layout in a mig-parted file, but --mig {layout} is not a file"
        raise ConfigError("--mig-config", "command line", reason)
    named = _list_named(targets)
    layout = layout.replace("+", ".")
    # Without MIG, a list of the known layouts would not explain the error.
    if layout != "all-disabled" and not any(geometry for _, geometry in targets):
        raise ConfigError(
            "--mig", "command line", f"the machine does not support {layout}: {_explain_no_mig(targets)}"
        )
    if layout not in named:
        reason = f"the machine has no layout {layout}; {list_known(layout, named)}"
        if f"all-{layout}" in named:
            reason += f"; gfd select asks for a MIG device with --mig-profile {layout}"
        raise ConfigError("--mig", "command line", reason)
    return named[layout]


def _list_named(targets: Sequence[Target]) -> dict[str, Layout]:
    """Return the layouts that this machine supports, by mig-parted's names."""
    layouts: dict[str, Layout] = {"all-disabled": {}}
    for gpu, geometry in targets:
        if geometry is None:
            continue
        divisions = {"all-enabled": (), "all-balanced": geometry.balanced} | {
            f"all-{offer.profile.name.replace('+', '.')}": (
                (offer.profile.name, offer.profile.max_instances),
            )
            for offer in geometry.offers
        }
        for name, devices in divisions.items():
            if devices or name == "all-enabled":
                layouts.setdefault(name, {})[gpu.index] = GpuLayout(is_mig_enabled=True, devices=devices)
    return layouts


def _explain_no_mig(targets: Sequence[Target]) -> str:
    models = ", ".join(dict.fromkeys(gpu.name for gpu, _ in targets))
    return f"{models} has no MIG" if models else "there is no GPU"


def _read_file(path: Path, name: str | None, targets: Sequence[Target]) -> Layout:
    document = load(path).only("version", "mig-configs")
    if document.field("version").text() != "v1":
        raise document.field("version").error("gfd reads only version v1")
    configs = document.field("mig-configs").mapping()
    if not configs:
        raise document.field("mig-configs").error("contains no layout")
    if name is None and len(configs) > 1:
        reason = f"{path} contains several layouts; choose one with --mig-config: {', '.join(configs)}"
        raise ConfigError("--mig", "command line", reason)
    chosen = next(iter(configs)) if name is None else name
    if chosen not in configs:
        reason = f"{path} does not contain layout {chosen}; {list_known(chosen, configs)}"
        raise ConfigError("--mig-config", "command line", reason)
    gpu_layouts: Layout = {}
    for entry in configs[chosen].items():
        entry.only("devices", "device-filter", "mig-enabled", "mig-devices")
        gpu_layout = _read_gpu_layout(entry)
        for gpu, geometry in _select_targets(entry, targets):
            if geometry is not None:
                gpu_layouts[gpu.index] = gpu_layout
            elif gpu_layout.is_mig_enabled and entry.field("devices").content != "all":
                raise entry.error(f"GPU {gpu.index} ({gpu.name}) has no MIG")
    return gpu_layouts


def _read_gpu_layout(entry: Value) -> GpuLayout:
    is_enabled = entry.field("mig-enabled").boolean()
    devices = tuple((name, number.integer()) for name, number in entry.field("mig-devices").mapping().items())
    if devices and not is_enabled:
        raise entry.field("mig-devices").error("must be empty if mig-enabled is false")
    return GpuLayout(is_mig_enabled=is_enabled, devices=devices)


def _select_targets(entry: Value, targets: Sequence[Target]) -> list[Target]:
    wanted = entry.field("device-filter")
    texts = [wanted] if isinstance(wanted.content, str) else wanted.items() if wanted.content else []
    ids = {_parse_pci_id(text) for text in texts}
    devices = entry.field("devices")
    if devices.content == "all":
        indices = {gpu.index for gpu, _ in targets}
    else:
        indices = {item.integer() for item in devices.items()}
        missing = indices - {gpu.index for gpu, _ in targets}
        if missing:
            raise devices.error(
                f"there is no GPU {min(missing)}; the machine has {len(targets)} GPUs, numbered from 0"
            )
    return [
        (gpu, geometry)
        for gpu, geometry in targets
        if gpu.index in indices and (not ids or gpu.pci_device_id in ids)
    ]


def _parse_pci_id(text: Value) -> int:
    try:
        return int(text.text(), 16)
    except ValueError:
        raise text.error('expected a PCI id such as "0x20B010DE" (subsystems are not simulated)') from None
