"""Read the options of ``gfd select``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.clusterview import sources
from gfd.clusterview.hardware import GENERATIONS
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, LabelError
from gfd.labels.products import extract_model, extract_suffix, shorten_product
from gfd.labels.syntax import check
from gfd.text import join_words, list_known
from gfd.tools.select.criteria import build_criteria
from gfd.tools.select.dra.options import check_options
from gfd.tools.select.query import DeviceQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig


_CRITERIA = (
    "--product",
    "--family",
    "--mig-profile",
    "--mig-memory",
    "--memory",
    "--compute",
    "--driver",
    "--cuda",
    "--gpus-per-node",
    "--exclusive",
    "--shared",
)
_PROFILE = re.compile(
    r"([0-9]+c\.)?[0-9]+g\.[0-9]+gb(\.(me|me\.all|gfx))?|[0-9]+g\.[0-9]+gb-me", re.IGNORECASE
)
"""Matches a MIG profile as labels have it."""
_FAMILY_NAMES = {"ada": "ada-lovelace", "lovelace": "ada-lovelace"}


def read_query(values: Mapping[str, Any], layout: str | None = None) -> DeviceQuery:
    """Return the query. Raises ConfigError if it is empty, or if no device can match it.

    ``layout`` is the MIG layout of a simulated machine. It is no wish, but people may take it for one.
    """
    query = DeviceQuery(
        products=tuple(filter(None, (text.strip("* ") for text in values["product"]))),
        families=tuple(map(_read_family, values["family"])),
        mig_profiles=tuple(map(_read_profile, values["profile"])),
        gpus_per_node=values["gpus_per_node"] or 0,
        is_exclusive=values["exclusive"],
        is_shared=values["shared"],
        **{name: values[name] for name in ("mig_memory", "memory", "compute", "driver", "cuda", "count")},
    )
    for option, number in (("--count", values["count"]), ("--gpus-per-node", values["gpus_per_node"])):
        if number is not None and number < 1:
            raise ConfigError(option, COMMAND_LINE, f"must be at least 1: {number}")
    if query == DeviceQuery(count=query.count):
        reason = f"needs one of {join_words(_CRITERIA)}; for any whole GPU, write --exclusive"
        if layout is not None:
            profile = layout.removeprefix("all-")
            example = profile if _PROFILE.fullmatch(profile.replace("+", ".")) else "1g.5gb"
            reason = f"needs --mig-profile {example} or another option that describes the device: "
            reason += "--mig is the layout of the simulated machine"
        raise ConfigError("gfd select", COMMAND_LINE, reason)
    if values["dra"]:
        check_options(query)
    _check_combinations(query, is_without_nodes=values["without_nodes"])
    build_criteria(query, None)  # report a wrong option before the first request to the cluster
    if values["without_nodes"] and not values["dra"]:
        for product in query.products:
            shortened = shorten_product(extract_model(product), extract_suffix(product))
            _check_label("--product", "nvidia.com/gpu.product", shortened)
    return query


def _check_combinations(query: DeviceQuery, *, is_without_nodes: bool) -> None:
    """Raise ConfigError for options that exclude each other."""
    mig = "--mig-profile" if query.mig_profiles else "--mig-memory" if query.mig_memory else ""
    for option, is_given, other, reason in (
        ("--exclusive", query.is_exclusive, mig, "means whole GPUs"),
        ("--exclusive", query.is_exclusive, "--shared" if query.is_shared else "", "means GPUs for one pod"),
        ("--memory", query.memory, "--mig-memory" if query.mig_memory else "", "is the same for MIG devices"),
    ):
        if is_given and other:
            raise ConfigError(option, COMMAND_LINE, f"cannot be combined with {other}: {option} {reason}")
    unknown = next((each for each in query.families if each not in GENERATIONS), "")
    if is_without_nodes and unknown:
        raise ConfigError(
            "--family", COMMAND_LINE, f"is not known: {unknown!r}; {list_known(unknown, GENERATIONS)}"
        )
    if is_without_nodes and (query.mig_memory or query.is_shared):
        option = "--mig-memory" if query.mig_memory else "--shared"
        reason = "needs the nodes, since the name of the resource depends on them; leave out --without-nodes"
        raise ConfigError(option, COMMAND_LINE, reason)


def _read_profile(text: str) -> str:
    """Return a MIG profile as labels have it. Raises ConfigError."""
    profile = text.strip().replace("+", ".")
    if _PROFILE.fullmatch(profile):
        return profile.lower()
    inner = profile.removeprefix("all-")
    hint = f"; did you mean {inner}?" if inner != profile and _PROFILE.fullmatch(inner) else ""
    reason = f"is not a MIG profile: {text!r}{hint or '; write one like 1g.5gb'}"
    raise ConfigError("--mig-profile", COMMAND_LINE, reason)


def _read_family(text: str) -> str:
    name = "-".join(text.lower().split())
    return _FAMILY_NAMES.get(name, name)


def read_nodes(
    loaded: LoadedConfig, values: Mapping[str, Any], *, has_slices: bool = False
) -> list[Node] | None:
    """Return the nodes to select from; None for --without-nodes. Raises GfdError.

    ``has_slices`` also reads ResourceSlices from the cluster, as ``--dra`` does.
    """
    files = values["nodes_file"], values["pods_file"]
    if not values["without_nodes"]:
        is_dra = values["dra"]
        return sources.read_nodes(loaded, *files, has_slices=is_dra or has_slices, simulates_slices=is_dra)
    if any(files) or loaded.config.simulate:
        reason = "cannot be combined with --nodes, --pods or --simulate"
        raise ConfigError("--without-nodes", COMMAND_LINE, reason)
    return None


def _check_label(option: str, key: str, value: str) -> None:
    try:
        check(key, value)
    except LabelError as error:
        raise ConfigError(option, COMMAND_LINE, f"cannot be part of a label: {error.rule}") from None
