"""What ``gfd select`` is asked, from the words of its options."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gfd.clusterview import sources
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, LabelError
from gfd.labels.products import model_of, shorten, tail_of
from gfd.labels.syntax import check
from gfd.tools.nodes.table import dump_yaml
from gfd.tools.select.criteria import Wanted, criteria_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.clusterview.nodes import Node
    from gfd.config.load import Loaded

FORMATS: Mapping[str, Callable[[Any], str]] = {
    "json": lambda plain: json.dumps(plain, indent=2) + "\n",
    "yaml": dump_yaml,
}


def read(values: Mapping[str, Any]) -> Wanted:
    """Return what is wanted. Raises ConfigError where that is nothing, or nothing that could be."""
    profile = (values["profile"] or "").replace("+", ".")
    wanted = Wanted(
        product=values["product"] or "",
        mig=profile,
        **{name: values[name] for name in ("memory", "compute", "driver", "cuda", "count")},
    )
    if wanted.count < 1:
        raise ConfigError("--count", COMMAND_LINE, f"must be at least 1: {wanted.count}")
    if not any((wanted.product, wanted.mig, wanted.memory, wanted.compute, wanted.driver, wanted.cuda)):
        options = "--product, --mig, --memory, --compute, --driver or --cuda"
        raise ConfigError("gfd select", COMMAND_LINE, f"needs one of {options}; see gfd select --help")
    _check("--mig", f"nvidia.com/mig-{profile}.count", "")
    criteria_of(wanted, None)  # what is wrong in itself is said before anybody is asked
    if values["without_nodes"]:
        product = shorten(model_of(wanted.product), tail_of(wanted.product))
        _check("--product", "nvidia.com/gpu.product", product)
    return wanted


def gather(loaded: Loaded, values: Mapping[str, Any]) -> list[Node] | None:
    """Return the nodes to look at; None where nobody shall look. Raises GfdError."""
    files = values["nodes_file"], values["pods_file"]
    if not values["without_nodes"]:
        return sources.read_nodes(loaded, *files)
    if any(files) or loaded.config.simulate:
        raise ConfigError("--without-nodes", COMMAND_LINE, "means none: leave out --nodes and --simulate")
    return None


def _check(option: str, key: str, value: str) -> None:
    try:
        check(key, value)
    except LabelError as error:
        raise ConfigError(option, COMMAND_LINE, f"no label can say that: {error.rule}") from None
