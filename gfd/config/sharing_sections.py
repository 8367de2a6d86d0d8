"""Read the sections ``sharing`` and ``resources`` of the config file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.file_keys import RESOURCE_KEYS, SHARED_KEYS, SHARING_KEYS
from gfd.config.file_values import has_all_devices, read_resource_name
from gfd.labels.sharing import SharedResource, Sharing

if TYPE_CHECKING:
    from gfd.config.file_warnings import FileWarnings
    from gfd.documents.value import Value


def read_sharing(section: Value, strategy: str, warnings: FileWarnings) -> Sharing:
    """Return the sharing of ``sharing.timeSlicing`` or ``sharing.mps``. Raises DocumentError."""
    members = section.mapping()
    warnings.check_keys(members, SHARING_KEYS)
    flags = {
        key: value.content is not None and value.boolean()
        for key, value in members.items()
        if key in {"renameByDefault", "failRequestsGreaterThanOne"}
    }
    is_renamed = flags.get("renameByDefault", False)
    resources = section.member("resources")
    entries = resources.items() if resources else []
    if not entries:
        hint = f"; move replicas into an item of {section.path}.resources" if "replicas" in members else ""
        raise section.error(f"shares no resources; list at least one, or remove the section{hint}")
    return Sharing(
        strategy=strategy,
        resources=tuple(_read_shared_resource(entry, warnings, is_renamed=is_renamed) for entry in entries),
        is_renamed=is_renamed,
    )


def check_resources(section: Value, warnings: FileWarnings) -> None:
    """Check ``resources.gpus`` or ``resources.mig``, which the original reads and ignores.

    Raises DocumentError.
    """
    entries = section.items() if section.content is not None else []
    for entry in entries:
        members = entry.mapping()
        warnings.check_keys(members, RESOURCE_KEYS)
        _require(entry, ("pattern", "name"), "a resource")
        if members["pattern"].content is not None:
            members["pattern"].text()
        read_resource_name(members["name"])
    if entries:
        warnings.add(section, f"{section.path} is ignored, since resources cannot be renamed")


def _read_shared_resource(entry: Value, warnings: FileWarnings, *, is_renamed: bool) -> SharedResource:
    members = entry.mapping()
    warnings.check_keys(members, SHARED_KEYS)
    _require(entry, ("name", "replicas"), "a shared resource")
    name = read_resource_name(members["name"])
    replicas = members["replicas"].integer(2)
    if rename := members.get("rename"):
        new_name = read_resource_name(rename)
        if not (is_renamed and new_name == f"{name}.shared"):
            warnings.add(rename, f"{rename.path} is ignored, since renaming is not supported")
    devices = members.get("devices")
    if devices and not has_all_devices(devices):
        warnings.add(devices, f"{devices.path} is ignored, since all devices are shared alike")
    return SharedResource(name=name, replicas=replicas)


def _require(entry: Value, keys: tuple[str, str], kind: str) -> None:
    for key in keys:
        if key not in entry.mapping():
            raise entry.field(key).error(f"is missing; {kind} needs {' and '.join(keys)}")
