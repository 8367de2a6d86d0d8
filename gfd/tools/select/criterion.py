"""One criterion of a query, as constraints on labels."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

from gfd.tools.select.constraints import Choice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.select.constraints import AnyOf
    from gfd.tools.select.query import DeviceResource


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One option, and its constraints on labels."""

    option: str
    texts: tuple[str, ...] = ()
    """The option's values; empty for an option without a value."""
    constraints: Callable[[DeviceResource], AnyOf]
    """Returns the constraints on the labels that describe a resource."""
    read_values: Callable[[DeviceResource, Labels], tuple[str, ...]]
    """Returns the values of a node with these labels, in the form of the option's value."""
    alone: Callable[[DeviceResource], AnyOf] | None = None
    """Returns the constraints without those of other criteria, to count the nodes that meet this one.

    None if they are :attr:`constraints`. They differ if a label means something else on some nodes, which
    other criteria exclude.
    """
    measure: Callable[[str], tuple[float, ...]] = lambda _: (inf,)
    """Returns how far a value is from the criterion."""
    describe: Callable[[str], str] = lambda value: value
    """Returns a value for people, with its difference from the criterion if that is small."""
    is_near: Callable[[str], bool] = lambda _: False
    """Returns whether a value that does not meet the criterion is so near that people may take it for one."""
    advise: Callable[[Sequence[Node]], str] = lambda _: ""
    """Returns what to do if these nodes with GPUs do not meet the criterion; empty if there is no advice."""

    notes: tuple[str, ...] = ()
    """What a reader of the answer should know about the values; a line each."""
    names_device: bool = False
    """Whether it names the device; other criteria are about properties of the device or the node."""
    implied: str = ""
    """What it asks for, if it follows from other options or from none: ``whole GPUs``; else empty."""

    @property
    def text(self) -> str:
        """The option's values, as the user may write them."""
        return ",".join(self.texts)

    def __str__(self) -> str:
        """Return the option with its value."""
        return f"{self.option} {self.text!r}" if self.texts else self.option


def one_of(key: str, texts: set[str]) -> AnyOf:
    """Return the constraint that a label has one of the texts; no alternative if there is none."""
    return ({key: Choice(texts=frozenset(texts))},) if texts else ()


def describe_absent(
    absent: Iterable[str], texts: Sequence[str], nodes: Sequence[Node] | None
) -> tuple[str, ...]:
    """Return a note for each of several alternatives that no node has; nothing if the nodes are unknown."""
    is_noted = nodes is not None and len(texts) > 1
    return tuple(f"no node has {each}" for each in absent) if is_noted else ()


def read_label(key: str) -> Callable[[DeviceResource, Labels], tuple[str, ...]]:
    """Return a function that reads one label, which does not depend on the resource."""

    def read_values(_: DeviceResource, labels: Labels) -> tuple[str, ...]:
        value = labels.get(key)
        return (value,) if value else ()

    return read_values
