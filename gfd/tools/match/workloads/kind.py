"""Describe a kind of object by the places of its PodSpecs, and read the PodSpecs of an object."""

from __future__ import annotations

from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from gfd.tools.match.podspec.devices import POD_FIELDS
from gfd.tools.match.podspec.fields import find, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.manifests.pods import Pod

    Count = Callable[[Value], int]
    Reader = Callable[[Manifest], Iterable["PodTemplate"]]

MAX_GROUPS = 1000
"""The maximum number of groups of a template that are placed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodTemplate:
    """A PodSpec of an object, and what the object makes of it."""

    spec: Value
    """The PodSpec, in the file or composed of parts of the file."""
    sources: tuple[Value, ...] = ()
    """The parts of the file that the PodSpec is made of, if it does not have them itself."""
    labels: Value | None = None
    """The labels of the pods."""
    line: int
    part: str = ""
    copies: int = 1
    gang: str = ""
    minimum: int = 0
    is_alone: bool = False
    unjudged: tuple[str, ...] = ()
    """What the file does not tell of these pods, for :attr:`SchedulingSpec.unjudged`."""
    adjust: Callable[[Pod], Pod] | None = None
    """Changes the pod after it has been read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSet:
    """A place in a kind of object that creates pods."""

    owner: str = "spec"
    """The path of the part that creates the pods. ``[]`` means each item of a list, ``.*`` each value of a
    mapping; ``?`` at the end means that the part may be absent."""
    spec: str | Callable[[Value], Value | None] = "template.spec"
    """The path of the PodSpec in the owner, or a function that composes it; None: there are no pods."""
    template: str = "template"
    """The path of the pod template with the labels, if ``spec`` is a function."""
    title: str = ""
    """The word for the pods: ``task``. The name or the key of the owner follows it."""
    name: str = "name"
    """The field of an owner in a list that names it."""
    count: Count = lambda owner: 1
    """Returns the number of pods of an owner, or of each of its groups."""
    groups: Callable[[Value], int | None] = lambda owner: None
    """Returns the number of groups, whose pods start together; None if each pod starts by itself."""
    scope: str = ""
    """The name of the part whose pods start together, if an object has several such parts."""
    is_alone: bool = False
    unjudged: Callable[[Value], Iterable[str]] = lambda owner: ()
    """Returns what the object does not tell of these pods: ``field: why``."""


class Kind:
    """A kind of object, described by its pod sets."""

    def __init__(self, *pod_sets: PodSet, minimum: Count | None = None) -> None:
        """Describe a kind; ``minimum`` returns how many pods start together, 0 for all of them."""
        self._pod_sets = pod_sets
        self._minimum = minimum

    def read(self, manifest: Manifest) -> Iterator[PodTemplate]:
        """Yield the pod templates of an object, those of a group together.

        Raises DocumentError if one is missing or misplaced.
        """
        templates = [
            template
            for pod_set in self._pod_sets
            for key, owner in _find_owners(manifest.value, pod_set)
            for template in _read_owner(manifest, pod_set, key, owner)
        ]
        minimum = self._minimum(manifest.value) if self._minimum else 0
        if self._minimum and sum(each.copies for each in templates) > 1:
            templates = [replace(each, gang=manifest.title, minimum=minimum) for each in templates]
        places = {each.gang: place for place, each in reversed([*enumerate(templates)])}
        yield from sorted(templates, key=lambda each: places[each.gang])


def _find_owners(value: Value, pod_set: PodSet) -> Iterator[tuple[str, Value]]:
    """Yield each owner with its name, which is empty if there is only one by nature."""
    path = pod_set.owner.removesuffix("?")
    names = tuple(filter(None, path.removesuffix("[]").removesuffix(".*").split(".")))
    if pod_set.owner.endswith("?") and find(value, *names) is None:
        return
    found = walk(value, names, f"{path}.{pod_set.spec}" if isinstance(pod_set.spec, str) else path)
    if path.endswith("[]"):
        for item in found.items():
            yield read_text(item, pod_set.name) or item.path, item
    elif path.endswith(".*"):
        yield from found.mapping().items()
    else:
        yield "", found


def walk(value: Value, names: tuple[str, ...], target: str = "") -> Value:
    """Return the value at the path ``names``. Raises DocumentError if it is missing or misplaced.

    A field of a pod beside the path is misplaced: it belongs to the PodSpec, which is at the end of the path,
    or at ``target`` in the object.
    """
    for depth, name in enumerate(names):
        for stray in map(value.member, (*POD_FIELDS, "containers")):
            if stray:
                place = target or ".".join(filter(None, (value.path, *names[depth:])))
                raise stray.error(f"unknown key; move it to {place}")
        value = _require(value, name)
    return value


def _require(value: Value, name: str) -> Value:
    found = value.member(name)
    if found is None:
        near = get_close_matches(name.lower(), map(str.lower, value.mapping()), n=1, cutoff=0.8)
        for key, member in value.mapping().items():
            if [key.lower()] == near and key != name:
                raise member.error(f"unknown key; did you mean {name}?")
        raise value.field(name).error("is missing")
    return found


def _find_spec(pod_set: PodSet, owner: Value) -> tuple[Value | None, Value | None]:
    """Return the PodSpec of an owner and the labels of its pods."""
    if not isinstance(pod_set.spec, str):
        return pod_set.spec(owner), find(owner, *pod_set.template.split("."), "metadata", "labels")
    names = tuple(pod_set.spec.split("."))
    spec = walk(owner, names)
    return spec, find(owner, *names[:-1], "metadata", "labels")


def _read_owner(manifest: Manifest, pod_set: PodSet, key: str, owner: Value) -> Iterator[PodTemplate]:
    """Yield the templates of an owner, one for each of its groups."""
    spec, labels = _find_spec(pod_set, owner)
    if spec is None:
        return
    part = " ".join(filter(None, (pod_set.title, key)))
    groups, copies = pod_set.groups(owner), pod_set.count(owner)
    unjudged = tuple(pod_set.unjudged(owner))
    if groups and groups > MAX_GROUPS:
        unjudged += (f"replicas: gfd match places only the first {MAX_GROUPS} of {groups} groups",)
    for number in range(1, min(groups or 1, MAX_GROUPS) + 1):
        group = f"group {number}" if groups and groups > 1 else ""
        yield PodTemplate(
            spec=spec,
            labels=labels,
            line=spec.line if part else manifest.value.line,
            part=", ".join(filter(None, (part, group))),
            copies=0 if groups == 0 else copies,
            gang=", ".join(filter(None, (manifest.title, pod_set.scope, key, group))) if groups else "",
            is_alone=pod_set.is_alone,
            unjudged=unjudged,
        )
