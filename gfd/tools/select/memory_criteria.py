"""The criterion for the memory of a device, and what a near miss lacks."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.kube.requirements import parse_integer
from gfd.tools.memory_sizes import parse_gb, parse_size, to_sold
from gfd.tools.select.comparisons import AT_LEAST, EQUAL, read_memory, split
from gfd.tools.select.constraints import to_terms
from gfd.tools.select.criterion import Criterion
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.select.constraints import AnyOf
    from gfd.tools.select.query import DeviceQuery, DeviceResource

_MEMORY = ".memory"
_NEAR = 0.1
"""The share of a bound by which a near miss may be less or more."""


def build_memory(query: DeviceQuery) -> Criterion:
    """Return the criterion for --memory. Raises ValueError for a text that no label can match."""
    texts = query.memory
    found = read_memory(texts, _MEMORY)

    def constraints(resource: DeviceResource) -> AnyOf:
        return tuple({f"{resource.name}{key}": value for key, value in each.items()} for each in found)

    def read_values(resource: DeviceResource, labels: Labels) -> tuple[str, ...]:
        mib = labels.get(resource.name + _MEMORY)
        return (f"{mib}Mi",) if mib else ()

    return Criterion(
        option="--memory",
        texts=texts,
        constraints=constraints,
        read_values=read_values,
        measure=lambda value: (min(abs(each) for each in _compare(texts, value)),),
        describe=lambda value: _describe(texts, value),
        is_near=lambda value: _is_near(_find_nearest(texts, value)),
        advise=lambda with_gpus: "" if query.is_mig else _advise(texts, with_gpus),
        notes=tuple(_explain_gb(size) for size in _list_sizes(texts) if parse_gb(size) is not None),
    )


def _list_sizes(texts: Sequence[str]) -> list[str]:
    return [split(text).text for text in texts]


def _explain_gb(text: str) -> str:
    least, most = parse_size(text)
    return f"{text} means a card sold with that much: {least} to {most} MiB in labels"


def _compare(texts: Sequence[str], value: str) -> list[float]:
    """Return the differences of a label's value from what each text means, as shares; 0 if it is equal."""
    mib = parse_integer(value.removesuffix("Mi"))
    if mib is None:  # a label can have any text
        return [inf]
    shares = []
    for size in _list_sizes(texts):
        least, most = parse_size(size)
        bound = least if mib < least else most if mib > most else mib
        shares.append(float((mib - bound) / bound) if bound else inf)
    return shares


def _find_nearest(texts: Sequence[str], value: str) -> float:
    return min(_compare(texts, value), key=abs)


def _is_near(share: float) -> bool:
    return 0 < abs(share) <= _NEAR


def _describe(texts: Sequence[str], value: str) -> str:
    nearest = _find_nearest(texts, value)
    text = f"{value.removesuffix('Mi')} MiB"
    if not _is_near(nearest):
        return text
    percent = abs(nearest) * 100
    amount = f"{percent:.1f}" if percent >= 0.1 else "under 0.1"
    return f"{text}, {amount} % {'less' if nearest < 0 else 'more'}"


def _advise(texts: Sequence[str], with_gpus: Sequence[Node]) -> str:
    """Return the comparison to write instead, if some node meets it."""
    sold = to_sold(texts)
    at_least = tuple(AT_LEAST + split(text).text if split(text).operator == EQUAL else text for text in texts)
    for offer, meaning in (
        (sold, "for cards sold with that much"),
        (at_least, "for that much or more"),
    ):
        count = _count_matching(offer, with_gpus) if offer != tuple(texts) else 0
        if count:
            written = " and ".join(f"'{text}'" for text in offer)
            return f"write {written} {meaning} ({pluralize(count, 'node')})"
    return ""


def _count_matching(texts: Sequence[str], nodes: Sequence[Node]) -> int:
    try:
        terms = to_terms(read_memory(texts, GPU + _MEMORY), lambda _, number: (str(number),))
    except ValueError:  # the bounds exclude each other once they are replaced
        return 0
    return sum(any(all(each.matches(node.labels) for each in term) for term in terms) for node in nodes)
