"""Trace the fields that templates use back to facts, by the annotations of these fields.

A path is a chain of fields as in a template, ``node.resources.memory_mib``. It goes through all elements of a
tuple.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from gfd.inventory import model, sources
from gfd.inventory.model import FailedGpu, Gpu, Inventory, MigDevice
from gfd.inventory.sources import DerivedFrom, ReadFrom
from gfd.labels import models, resources, sharing, strategies
from gfd.labels.resources import NodeFacts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FieldPath = tuple[str, ...]
Device = Gpu | MigDevice | FailedGpu
DEVICES = (Gpu, MigDevice, FailedGpu)

ROOTS: dict[str, type] = {"node": NodeFacts, "inventory": Inventory}
"""The variables that every template has."""

PCI_IDS = "pci.ids"
"""The source that stands for the file and line with a device's name."""

CUDA_MEMORY = "cuDeviceTotalMem_v2"
"""The source of the memory of a GPU that uses the memory of the CPU."""

_NAMES = {
    name: value
    for module in (model, models, sources, resources, sharing, strategies)
    for name, value in vars(module).items()
}
"""The names in annotations, because some modules import them only for type checkers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateField:
    """A field and its annotation."""

    kind: Any
    """The type of its value, or of the value's elements."""
    mark: ReadFrom | DerivedFrom | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A field of the inventory, or an option, that labels are made from."""

    name: str
    """``Gpu.memory_bytes``, ``--mig-strategy``."""
    sources: tuple[str, ...] = ()
    """NVML functions, files and flags; empty for an option."""
    unit: str = ""
    path: FieldPath = ()
    """Empty for an option."""


@cache
def list_fields(kind: Any) -> Mapping[str, TemplateField]:
    """Return the fields of a named tuple by name; empty for any other type."""
    if not hasattr(kind, "_fields"):
        return {}
    hints = typing.get_type_hints(kind, localns=_NAMES, include_extras=True)
    return {name: _read_annotation(hints[name]) for name in kind._fields}


def find_type(path: FieldPath) -> Any:
    """Return the type of the field at a path; None if there is no such field."""
    kind: Any = ROOTS.get(path[0])
    for name in path[1:]:
        field = list_fields(kind).get(name)
        if field is None:
            return None
        kind = field.kind
    return kind


def find_pattern(path: FieldPath) -> str:
    """Return the regular expression of a field's value in a label's key."""
    field = list_fields(find_type(path[:-1])).get(path[-1]) if len(path) > 1 else None
    form = field.mark.form if field and isinstance(field.mark, DerivedFrom) else ""
    return form or "[-A-Za-z0-9_.]+"


def list_facts(path: FieldPath, *, is_mig: bool, discovery: str = "nvml") -> tuple[Fact, ...]:
    """Return the facts from which a field is made.

    With ``is_mig``, for a resource of MIG devices; ``discovery`` is how the machine was read.
    """
    kinds = [find_type(path[: end + 1]) for end in range(len(path))]
    if None in kinds:
        return ()
    for last in range(len(path) - 1, 0, -1):
        mark = list_fields(kinds[last - 1])[path[last]].mark
        if isinstance(mark, DerivedFrom):
            made_of = mark.find_facts(discovery, is_mig=is_mig)
            return tuple(_make_fact(fact, path[:last], path[last + 1 :], discovery) for fact in made_of)
    return (_read_fact(path, discovery),)


def follow(
    roots: Mapping[str, Any], path: FieldPath, bound: Mapping[FieldPath, Any] | None = None
) -> Iterator[tuple[Device | None, Any]]:
    """Yield the values at a path, each with the last device on the path.

    If a part of the path is in ``bound``, only that object is followed.
    """
    found: list[tuple[Device | None, Any]] = [(None, roots[path[0]])]
    for end in range(1, len(path) + 1):
        only = (bound or {}).get(path[:end])
        elements = [(device, each) for device, value in found for each in _list_elements(value)]
        found = [
            (each if isinstance(each, DEVICES) else device, each)
            for device, each in elements
            if only is None or each is only
        ]
        if end < len(path):
            # A path through None ends at None.
            found = [(device, value and getattr(value, path[end])) for device, value in found]
    return iter(found)


def _read_annotation(hint: Any) -> TemplateField:
    mark = None
    if typing.get_origin(hint) is typing.Annotated:
        hint, *marks = typing.get_args(hint)
        (mark,) = marks
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        (hint,) = (option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is tuple:
        hint = typing.get_args(hint)[0]
    return TemplateField(kind=hint, mark=mark)


def _make_fact(fact: str, owner: FieldPath, rest: FieldPath, discovery: str) -> Fact:
    if fact.startswith("--"):
        return Fact(name=fact)
    names = tuple(fact.split("."))
    path = names if names[0] in ROOTS else (*owner, *names)
    for name in rest:  # a field of the derived field may have the same name in the fact
        if find_type((*path, name)) is not None:
            path = (*path, name)
    return _read_fact(path, discovery)


def _read_fact(path: FieldPath, discovery: str) -> Fact:
    if "index" in list_fields(find_type(path)):  # the source of a whole device is that of its index
        path = (*path, "index")
    kinds = [find_type(path[: end + 1]) for end in range(len(path))]
    marks = [list_fields(kind).get(name) for kind, name in zip(kinds, path[1:], strict=False)]
    read = [field.mark for field in marks if field and isinstance(field.mark, ReadFrom)]
    owner = max(end for end, kind in enumerate(kinds[:-1]) if kind in (*DEVICES, Inventory, NodeFacts))
    return Fact(
        name=".".join((kinds[owner].__name__, *path[owner + 1 :])),
        sources=next((mark.find_sources(discovery) for mark in reversed(read) if mark.sources), ()),
        unit=read[-1].unit if read else "",
        path=path,
    )


def _list_elements(value: Any) -> list[Any]:
    # A named tuple is one value, like a pair such as a compute capability.
    is_several = type(value) is tuple and all(hasattr(each, "_fields") for each in value)
    return list(value) if is_several else [value]
