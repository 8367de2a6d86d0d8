"""What the fields that templates see are made of, as the annotations of these fields say.

A path is a chain of fields as a template would write it, ``node.resources.memory_mib``; it leads through
every element of a tuple.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gfd.inventory import model
from gfd.inventory.model import DerivedFrom, FailedGpu, Gpu, Inventory, MigDevice, ReadFrom
from gfd.labels import models, resources, sharing, strategies
from gfd.labels.resources import NodeFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Path = tuple[str, ...]
Device = Gpu | MigDevice | FailedGpu
DEVICES = (Gpu, MigDevice, FailedGpu)

ROOTS: dict[str, type] = {"node": NodeFacts, "inventory": Inventory}
"""What a template is given, by name."""

_NAMES = {
    name: value
    for module in (model, models, resources, sharing, strategies)
    for name, value in vars(module).items()
}
"""Those of annotations: the modules themselves import some of them for type checkers only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A field, as its annotation describes it."""

    kind: Any
    """The type of its value, or of the elements of it."""
    mark: ReadFrom | DerivedFrom | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A field of the inventory, or an option, that a label is made of."""

    name: str
    """``Gpu.memory_bytes``, ``--mig-strategy``."""
    sources: tuple[str, ...] = ()
    """NVML functions, files and flags; empty for an option."""
    unit: str = ""
    path: Path = ()
    """Empty for an option."""


@cache
def fields_of(kind: Any) -> Mapping[str, Field]:
    """Return the fields of a named tuple by name; none of anything else."""
    if not hasattr(kind, "_fields"):
        return {}
    hints = typing.get_type_hints(kind, localns=_NAMES, include_extras=True)
    return {name: _describe(hints[name]) for name in kind._fields}


def kind_at(path: Path) -> Any:
    """Return the type of what a path leads to; None where it leads nowhere."""
    kind: Any = ROOTS.get(path[0])
    for name in path[1:]:
        field = fields_of(kind).get(name)
        if field is None:
            return None
        kind = field.kind
    return kind


def form_at(path: Path) -> str:
    """Return the regular expression of what a path leads to, in a label's key."""
    field = fields_of(kind_at(path[:-1])).get(path[-1]) if len(path) > 1 else None
    form = field.mark.form if field and isinstance(field.mark, DerivedFrom) else ""
    return form or "[-A-Za-z0-9_.]+"


def expand(path: Path, *, is_mig: bool) -> tuple[Fact, ...]:
    """Return the facts that a path comes down to; ``is_mig``: where it is about a resource of MIG devices."""
    kinds = [kind_at(path[: end + 1]) for end in range(len(path))]
    if None in kinds:
        return ()
    for last in range(len(path) - 1, 0, -1):
        mark = fields_of(kinds[last - 1])[path[last]].mark
        if isinstance(mark, DerivedFrom):
            made_of = mark.mig if is_mig else mark.facts
            return tuple(_fact(fact, path[:last], path[last + 1 :]) for fact in made_of)
    return (_read(path),)


def follow(
    roots: Mapping[str, Any], path: Path, bound: Mapping[Path, Any] | None = None
) -> Iterator[tuple[Device | None, Any]]:
    """Yield what a path leads to, each with the last device on the way.

    Where a path is in ``bound``, only that object is gone through.
    """
    found: list[tuple[Device | None, Any]] = [(None, roots[path[0]])]
    for end in range(1, len(path) + 1):
        only = (bound or {}).get(path[:end])
        elements = [(device, each) for device, value in found for each in _elements(value)]
        found = [
            (each if isinstance(each, DEVICES) else device, each)
            for device, each in elements
            if only is None or each is only
        ]
        if end < len(path):
            # What a part of nothing is, is nothing.
            found = [(device, value and getattr(value, path[end])) for device, value in found]
    return iter(found)


def _describe(hint: Any) -> Field:
    mark = None
    if typing.get_origin(hint) is typing.Annotated:
        hint, *marks = typing.get_args(hint)
        (mark,) = marks
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is tuple:
        hint = typing.get_args(hint)[0]
    return Field(kind=hint, mark=mark)


def _fact(fact: str, owner: Path, rest: Path) -> Fact:
    if fact.startswith("--"):
        return Fact(name=fact)
    names = tuple(fact.split("."))
    path = names if names[0] in ROOTS else (*owner, *names)
    for name in rest:  # what stands behind the made field: its parts may be parts of the fact
        if kind_at((*path, name)) is not None:
            path = (*path, name)
    return _read(path)


def _read(path: Path) -> Fact:
    if "index" in fields_of(kind_at(path)):  # that there is such a device is known by its index
        path = (*path, "index")
    kinds = [kind_at(path[: end + 1]) for end in range(len(path))]
    marks = [fields_of(kind).get(name) for kind, name in zip(kinds, path[1:], strict=False)]
    read = [field.mark for field in marks if field and isinstance(field.mark, ReadFrom)]
    owner = max(end for end, kind in enumerate(kinds[:-1]) if kind in (*DEVICES, Inventory, NodeFacts))
    return Fact(
        name=".".join((kinds[owner].__name__, *path[owner + 1 :])),
        sources=next((mark.sources for mark in reversed(read) if mark.sources), ()),
        unit=read[-1].unit if read else "",
        path=path,
    )


def _elements(value: Any) -> list[Any]:
    # A named tuple is a value of its own, and so is a pair such as a compute capability.
    is_several = type(value) is tuple and all(hasattr(each, "_fields") for each in value)
    return list(value) if is_several else [value]
