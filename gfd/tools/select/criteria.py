"""Turn the properties of a device into constraints on labels: one criterion for each option."""

from __future__ import annotations

from itertools import zip_longest
from math import inf
from typing import TYPE_CHECKING, TypeVar

from gfd.clusterview.device_counts import GPU
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.kube.requirements import parse_integer
from gfd.tools.select import device_criteria
from gfd.tools.select.comparisons import AT_LEAST, EQUAL, Comparison, read_version, split
from gfd.tools.select.constraints import to_terms
from gfd.tools.select.criterion import Criterion
from gfd.tools.select.memory_criteria import build_memory
from gfd.tools.select.mig_criteria import build_mig_memory, build_mig_profile
from gfd.tools.select.product_criterion import build_product
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.select.constraints import AnyOf
    from gfd.tools.select.query import DeviceQuery, DeviceResource


_T = TypeVar("_T")

COMPUTE = (f"{GPU}.compute.major", f"{GPU}.compute.minor")
DRIVER = tuple(f"nvidia.com/cuda.driver-version.{part}" for part in ("major", "minor", "revision"))
OLD_DRIVER = tuple(f"nvidia.com/cuda.driver.{part}" for part in ("major", "minor", "rev"))
CUDA = tuple(f"nvidia.com/cuda.runtime-version.{part}" for part in ("major", "minor"))
OLD_CUDA = tuple(f"nvidia.com/cuda.runtime.{part}" for part in ("major", "minor"))


def build_criteria(query: DeviceQuery, nodes: Sequence[Node] | None) -> tuple[Criterion, ...]:
    """Return a criterion for each option; ``nodes`` is None if they are unknown.

    Raises ConfigError for a value that no label can have.
    """
    known = nodes or ()
    found = []
    if query.products:
        found.append(build_product(query, nodes))
    if query.families:
        found.append(device_criteria.build_family(query, nodes))
    if query.mig_profiles:
        found.append(build_mig_profile(query, nodes))
    if query.mig_memory:
        found.append(_read_option("--mig-memory", lambda: build_mig_memory(query, known)))
    if query.memory:
        found.append(_read_option("--memory", lambda: build_memory(query)))
    for option, texts, keys in (
        ("--compute", query.compute, COMPUTE),
        ("--driver", query.driver, choose_keys(known, DRIVER, OLD_DRIVER)),
        ("--cuda", query.cuda, choose_keys(known, CUDA, OLD_CUDA)),
    ):
        if texts:
            found.append(_build_version(option, texts, keys))
    if query.gpus_per_node:
        found.append(device_criteria.build_gpus_per_node(query))
    if query.is_whole:
        found.append(device_criteria.build_whole(query))
    return (*found, device_criteria.build_sharing(query, nodes))


def choose_keys(nodes: Iterable[Node], new: tuple[str, ...], old: tuple[str, ...]) -> tuple[str, ...]:
    """Return the version labels that all nodes have: the old ones if a node has no new ones."""
    is_old = any(old[0] in node.labels and new[0] not in node.labels for node in nodes)
    return old if is_old else new


def _build_version(option: str, texts: tuple[str, ...], keys: tuple[str, ...]) -> Criterion:
    found: AnyOf = _read_option(option, lambda: read_version(texts, keys))
    comparisons = [split(text) for text in texts]

    def read_values(_: DeviceResource, labels: Labels) -> tuple[str, ...]:
        version = ".".join(filter(None, (labels.get(key) for key in keys)))
        return (version,) if version else ()

    def measure(value: str) -> tuple[float, ...]:
        return min(_measure_version(each, value) for each in comparisons)

    def advise(with_gpus: Sequence[Node]) -> str:
        exact = [each.text for each in comparisons if each.operator == EQUAL]
        for text in exact:
            terms = to_terms(read_version([AT_LEAST + text], keys), lambda _, number: (str(number),))
            count = sum(
                any(all(each.matches(node.labels) for each in term) for term in terms) for node in with_gpus
            )
            if count:
                return (
                    f"{text!r} means only {text}: write '{AT_LEAST}{text}' for this or a newer version "
                    f"({pluralize(count, 'node')})"
                )
        return ""

    return Criterion(
        option=option,
        texts=texts,
        constraints=lambda _: found,
        read_values=read_values,
        measure=measure,
        advise=advise,
    )


def _measure_version(wanted: Comparison, value: str) -> tuple[float, ...]:
    """Return the distance of a version; a newer one is nearer to an exact one than any older one."""
    pairs = zip_longest(wanted.text.split("."), value.split("."), fillvalue="0")
    numbers = [(parse_integer(one), parse_integer(other)) for one, other in pairs]
    steps = [inf if one is None or other is None else other - one for one, other in numbers]
    is_older = wanted.operator == EQUAL and steps < [0] * len(steps)
    return (is_older, *map(abs, steps))


def _read_option(option: str, read: Callable[[], _T]) -> _T:
    try:
        return read()
    except ValueError as error:
        raise ConfigError(option, COMMAND_LINE, str(error)) from None
