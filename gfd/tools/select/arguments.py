"""Read the options of ``gfd select``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview import sources
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, LabelError
from gfd.labels.products import extract_model, extract_suffix, shorten_product
from gfd.labels.syntax import check
from gfd.tools.select.criteria import build_criteria
from gfd.tools.select.query import DeviceQuery

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.nodes import Node
    from gfd.config.model import LoadedConfig


def read_query(values: Mapping[str, Any]) -> DeviceQuery:
    """Return the query. Raises ConfigError if it is empty, or if no device can match it."""
    profile = (values["profile"] or "").replace("+", ".")
    query = DeviceQuery(
        product=values["product"] or "",
        mig=profile,
        **{name: values[name] for name in ("memory", "compute", "driver", "cuda", "count")},
    )
    if query.count < 1:
        raise ConfigError("--count", COMMAND_LINE, f"must be at least 1: {query.count}")
    if not any((query.product, query.mig, query.memory, query.compute, query.driver, query.cuda)):
        options = "--product, --mig, --memory, --compute, --driver or --cuda"
        raise ConfigError("gfd select", COMMAND_LINE, f"needs one of {options}; see gfd select --help")
    _check_label("--mig", f"nvidia.com/mig-{profile}.count", "")
    build_criteria(query, None)  # report a wrong option before the first request to the cluster
    if values["without_nodes"]:
        product = shorten_product(extract_model(query.product), extract_suffix(query.product))
        _check_label("--product", "nvidia.com/gpu.product", product)
    return query


def read_nodes(loaded: LoadedConfig, values: Mapping[str, Any]) -> list[Node] | None:
    """Return the nodes to select from; None for --without-nodes. Raises GfdError."""
    files = values["nodes_file"], values["pods_file"]
    if not values["without_nodes"]:
        return sources.read_nodes(loaded, *files)
    if any(files) or loaded.config.simulate:
        reason = "cannot be combined with --nodes, --pods or --simulate"
        raise ConfigError("--without-nodes", COMMAND_LINE, reason)
    return None


def _check_label(option: str, key: str, value: str) -> None:
    try:
        check(key, value)
    except LabelError as error:
        raise ConfigError(option, COMMAND_LINE, f"cannot be part of a label: {error.rule}") from None
