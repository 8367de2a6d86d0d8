"""The keys of the config file, and where a key that stands in the wrong place belongs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import OPTIONS
from gfd.text import find_closest, suggest

if TYPE_CHECKING:
    from collections.abc import Iterable

PLUGIN_KEYS = {
    **dict.fromkeys(("flags.mpsRoot", "flags.nvidiaDriverRoot", "flags.nvidiaDevRoot"), "string"),
    **dict.fromkeys(("flags.gdrcopyEnabled", "flags.gdsEnabled", "flags.mofedEnabled"), "bool"),
    "flags.plugin.passDeviceSpecs": "bool",
    "flags.plugin.deviceListStrategy": "list",
    "flags.plugin.deviceIDStrategy": "string",
    "flags.plugin.cdiAnnotationPrefix": "string",
    "flags.plugin.nvidiaCTKPath": "string",
    "flags.plugin.sharedDevicesAllocationPolicy": "string",
    "imex.channelIDs": "integers",
    "imex.required": "bool",
}
"""Keys that only the device plugin uses; their types are checked as it checks them."""

TIME_SLICING, MPS = "sharing.timeSlicing", "sharing.mps"
SECTIONS = ("version", "resources.gpus", "resources.mig", TIME_SLICING, MPS)

KINDS: dict[str, str] = (
    PLUGIN_KEYS
    | {option.file_key: option.kind for option in OPTIONS if option.file_key}
    | dict.fromkeys(SECTIONS, "section")
)
"""By the key with its sections: the kind of its value."""

SHARING_KEYS = ("renameByDefault", "failRequestsGreaterThanOne", "resources")
"""The keys of both sections of sharing."""
SHARED_KEYS = ("name", "rename", "devices", "replicas")
"""The keys of a shared resource."""
RESOURCE_KEYS = ("pattern", "name")

_PARENTS = {path.rpartition(".")[0] for path in KINDS} - {""}
_PLACES = {path.rpartition(".")[2].lower(): path for path in (*_PARENTS, *KINDS)} | {
    "pattern": "resources.gpus[].pattern"
}


def suggest_place(path: str, siblings: Iterable[str], *, is_list: bool) -> str:
    """Return ``; did you mean X?`` for the key nobody knows at ``path``, or nothing.

    It was misspelt where it stands, or belongs into another section. ``is_list`` is about its value.
    """
    key, known = path.rpartition(".")[2], list(siblings)
    places = _PLACES | _places_of_sharing(MPS if path.startswith(MPS) else TIME_SLICING)
    if is_list:
        # A list of resources without timeSlicing above it; the section resources is no list.
        places["resources"] = places["sharing.resources"]
    place = places.get(key.lower(), "")
    if any(key.lower() == each.lower() for each in known) or not place:
        if near := suggest(key, known):
            return near
        place = places.get(find_closest(key, places).lower(), "")
    if not place:
        return ""
    return f"; did you mean {place}?" if "." in place else f"; did you mean {place}, at the top level?"


def _places_of_sharing(section: str) -> dict[str, str]:
    return (
        {f"sharing.{key}".lower(): f"{section}.{key}" for key in SHARING_KEYS}
        | {key.lower(): f"{section}.{key}" for key in SHARING_KEYS if key != "resources"}
        | {key: f"{section}.resources[].{key}" for key in SHARED_KEYS if key != "name"}
    )
