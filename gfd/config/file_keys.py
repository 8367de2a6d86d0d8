"""The keys of the config file, and suggestions for misplaced ones."""

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
"""Keys that only the device plugin uses; gfd checks their types as the device plugin does."""

TIME_SLICING, MPS = "sharing.timeSlicing", "sharing.mps"
SECTIONS = ("version", "resources.gpus", "resources.mig", TIME_SLICING, MPS)

KINDS: dict[str, str] = (
    PLUGIN_KEYS
    | {option.file_key: option.kind for option in OPTIONS if option.file_key}
    | dict.fromkeys(SECTIONS, "section")
)
"""The kind of the value of each key, by its path."""

SHARING_KEYS = ("renameByDefault", "failRequestsGreaterThanOne", "resources")
"""The keys of ``sharing.timeSlicing`` and ``sharing.mps``."""
SHARED_KEYS = ("name", "rename", "devices", "replicas")
"""The keys of a shared resource."""
RESOURCE_KEYS = ("pattern", "name")


def _build_tree() -> dict[str, object]:
    tree: dict[str, object] = {}
    for path, kind in KINDS.items():
        *sections, name = path.split(".")
        branch = tree
        for section in sections:
            inner = branch.setdefault(section, {})
            assert isinstance(inner, dict)  # no key is also a section
            branch = inner
        branch[name] = kind
    return tree


SECTION_TREE = _build_tree()
"""The keys by section, with their kinds as leaves."""

_PARENTS = {path.rpartition(".")[0] for path in KINDS} - {""}
_PLACES = {path.rpartition(".")[2].lower(): path for path in (*_PARENTS, *KINDS)} | {
    "pattern": "resources.gpus[].pattern"
}


def suggest_place(path: str, key: str, siblings: Iterable[str], *, is_list: bool) -> str:
    """Return ``; did you mean X?`` for the unknown key ``key`` at ``path``; empty without a suggestion.

    The key is misspelt or belongs in another section. ``is_list`` is whether its value is a list.
    """
    known = list(siblings)
    places = _PLACES | _list_sharing_places(MPS if path.startswith(MPS) else TIME_SLICING)
    if is_list:
        # A list of shared resources must be below timeSlicing or mps. The section resources is no list.
        places["resources"] = places["sharing.resources"]
    place = places.get(key.lower(), "")
    if any(key.lower() == each.lower() for each in known) or not place:
        if suggestion := suggest(key, known):
            return suggestion
        place = places.get(find_closest(key, places).lower(), "")
    if not place:
        return ""
    return f"; did you mean {place}?" if "." in place else f"; did you mean {place}, at the top level?"


def _list_sharing_places(section: str) -> dict[str, str]:
    return (
        {f"sharing.{key}".lower(): f"{section}.{key}" for key in SHARING_KEYS}
        | {key.lower(): f"{section}.{key}" for key in SHARING_KEYS if key != "resources"}
        | {key: f"{section}.resources[].{key}" for key in SHARED_KEYS if key != "name"}
    )
