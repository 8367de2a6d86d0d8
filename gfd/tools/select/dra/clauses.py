"""Build the clauses of a claim about product, family, MIG profile and versions, one function for each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import GPU, MIG
from gfd.clusterview.hardware import GENERATIONS
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.labels.products import compose_product
from gfd.text import list_known
from gfd.tools.select.dra.clause import (
    ATTRIBUTES,
    DeviceClause,
    compare,
    is_one_of,
    read_intervals,
    read_version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.dra.model import Device

_EXTENSION = re.compile(r"\.(me|me\.all|gfx)$")
"""Matches what a label writes after a point, and NVML after a plus sign."""


def build_product(text: str, names: Sequence[str]) -> DeviceClause:
    """Return the clause for one value of --product, which means the GPUs with these names of NVML."""
    return DeviceClause(
        option="--product",
        text=text,
        label=f"{GPU}.product",
        meaning=", ".join(dict.fromkeys(map(compose_product, names))),
        expression=is_one_of(f"{ATTRIBUTES}.productName", names),
        accepts=lambda device: device.text("productName") in names,
        read_value=lambda device: device.text("productName"),
    )


def build_family(family: str, devices: Iterable[Device]) -> DeviceClause:
    """Return the clause for one value of --family: the architecture ``Ada Lovelace`` for ``ada-lovelace``.

    Raises ConfigError for a family that neither gfd nor one of the devices has.
    """
    found = {_to_family(device.text("architecture")): device.text("architecture") for device in devices}
    known = {each: " ".join(word.capitalize() for word in each.split("-")) for each in GENERATIONS} | found
    if family not in known:
        reason = f"is not known: {family!r}; {list_known(family, GENERATIONS)}"
        raise ConfigError("--family", COMMAND_LINE, reason)
    architecture = known[family]
    return DeviceClause(
        option="--family",
        text=family,
        label=f"{GPU}.family",
        expression=is_one_of(f"{ATTRIBUTES}.architecture", [architecture]),
        accepts=lambda device: device.text("architecture") == architecture,
        read_value=lambda device: device.text("architecture"),
    )


def build_profile(profile: str) -> DeviceClause:
    """Return the clause for one value of --mig-profile, as labels have it.

    Raises ConfigError for a device with a part of the compute slices, which the driver never offers.
    """
    part, _, rest = profile.rpartition("c.")
    if part:
        reason = "NVIDIA's DRA driver offers only MIG devices with all compute slices of their GPU instance"
        raise ConfigError("--mig-profile", COMMAND_LINE, f"{profile}: {reason}; write {rest}")
    name = _EXTENSION.sub(r"+\1", profile)
    return DeviceClause(
        option="--mig-profile",
        text=profile,
        label=f"{MIG}{profile}.count",
        meaning=">=1",
        expression=is_one_of(f"{ATTRIBUTES}.profile", [name]),
        accepts=lambda device: device.text("profile") == name,
        read_value=lambda device: device.text("profile"),
    )


def build_version(option: str, texts: Sequence[str]) -> DeviceClause:
    """Return the clause for --compute, --driver or --cuda; the texts must be comparisons of versions."""
    attribute, label = {
        "--compute": ("cudaComputeCapability", f"{GPU}.compute.major and .minor"),
        "--driver": ("driverVersion", "nvidia.com/cuda.driver-version.full"),
        "--cuda": ("cudaDriverVersion", "nvidia.com/cuda.runtime-version.full"),
    }[option]
    intervals = read_intervals(texts)

    def accepts(device: Device) -> bool:
        version = read_version(device, attribute)
        return version is not None and any(each.holds(version) for each in intervals)

    return DeviceClause(
        option=option,
        text=",".join(texts),
        label=label,
        expression=compare(f"{ATTRIBUTES}.{attribute}", intervals, _to_semver),
        accepts=accepts,
        read_value=lambda device: device.text(attribute),
    )


def _to_family(architecture: str) -> str:
    return "-".join(architecture.lower().split())


def _to_semver(numbers: Any) -> str:
    return f"semver('{'.'.join(map(str, numbers))}')"
