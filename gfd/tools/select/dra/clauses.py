"""Build the clauses of a claim about product, family, MIG profile and versions, one function for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import GPU, MIG
from gfd.clusterview.hardware import GENERATIONS
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.labels.products import compose_product
from gfd.text import list_known
from gfd.tools.claim_templates.attribute_values import PARTIAL_PROFILE, list_architectures, split_profile
from gfd.tools.claim_templates.expressions import ATTRIBUTES, compare, is_one_of
from gfd.tools.select.dra.clause import DeviceClause, read_intervals, read_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.dra.model import Device


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
    known = list_architectures(devices)
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
    name, part = split_profile(profile)
    if part:
        reason = f"{profile}: {PARTIAL_PROFILE}; write {profile.partition('c.')[2]}"
        raise ConfigError("--mig-profile", COMMAND_LINE, reason)
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


def _to_semver(numbers: Any) -> str:
    return f"semver('{'.'.join(map(str, numbers))}')"
