"""Every label that the templates can write, and what is known of it with no machine at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.config.options import EXTRA_LABELS, OPTIONS
from gfd.labels.strategies import STRATEGIES
from gfd.labels.syntax import VENDOR
from gfd.text import find_closest
from gfd.tools.explain.explanation import Explanation, Part, Place, Template
from gfd.tools.explain.facts import Fact, expand
from gfd.tools.explain.lines import read
from gfd.tools.explain.owners import find_owner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.labels.templates import Templates
    from gfd.tools.explain.lines import Line

_INTRODUCTION = re.compile(r"\{# (.*?)#\}", re.DOTALL)
_DEFAULTS = {option.flag: option.default for option in OPTIONS}


class Catalogue:
    """The labels of a set of templates."""

    def __init__(self, templates: Templates) -> None:
        """Read the templates. Raises TemplateError."""
        self._templates = templates
        self.lines = read(templates)

    def find(self, key: str) -> tuple[Line, ...]:
        """Return the lines that can write ``key``, which may also be a pattern of the catalogue."""
        found = [line for line in self.lines if line.pattern == key or line.expression.fullmatch(key)]
        # gpu.count.full is said of itself and not of a model with that name.
        longest = max((line.literal_length for line in found), default=0)
        return tuple(line for line in found if line.literal_length == longest)

    def explain(self) -> tuple[Explanation, ...]:
        """Return what is known of every label."""
        return tuple(describe(line) for line in self.lines)

    def templates(self) -> tuple[Template, ...]:
        """Return the templates with what each says of itself in a comment at its beginning."""
        found = []
        for name in dict.fromkeys(line.template for line in self.lines):
            said = _INTRODUCTION.match(self._templates.engine.parse(name)[0])
            found.append(Template(name=name, introduction=" ".join(said[1].split()) if said else ""))
        return tuple(found)

    def refuse(self, key: str, known: Iterable[str] = ()) -> Explanation:
        """Return what there is to say of a key that gfd never writes; ``known`` are some that it does."""
        names = {name.removeprefix(VENDOR): name for name in (*self._examples(), *known)}
        near = find_closest(key.removeprefix(VENDOR), names)
        return Explanation(key=key, owner=find_owner(key), nearest=names[near] if near else "")

    def _examples(self) -> Iterable[str]:
        return (line.pattern.replace("<resource>", "gpu") for line in self.lines)


def full_key(word: str) -> str:
    """Return the key that somebody means who may have left out ``nvidia.com/``."""
    return word if "/" in word else VENDOR + word


def describe(line: Line) -> Explanation:
    """Return what is known of the labels of a line with no machine at all."""
    return Explanation(
        key=line.pattern,
        unit=line.unit,
        meaning=line.meaning,
        places=(place(line),),
        parts=tuple(
            Part(name=fact.name, unit=fact.unit, sources=sources_of(fact))
            for fact in facts_of(line, line.is_mig)
        ),
    )


def place(line: Line, reason: str = "") -> Place:
    """Return where a line stands, and when it writes."""
    when = ", ".join(filter(None, (configured_by(line.roots), line.words)))
    return Place(template=line.template, line=line.number, source=line.source, when=when, reason=reason)


def configured_by(roots: frozenset[str]) -> str:
    """Return which configuration renders any of these templates, in words; empty for every one."""
    strategies = [name for name in STRATEGIES if f"{name}.j2" in roots]
    if len(strategies) == len(STRATEGIES):
        return ""
    groups = [name for name in EXTRA_LABELS if f"extra/{name}.j2" in roots]
    words = [f"under {' and '.join(strategies)}"] if strategies else []
    words += [f"with --extra-labels {name}" for name in groups]
    return " or ".join(words)


def facts_of(line: Line, is_mig: Iterable[bool]) -> tuple[Fact, ...]:
    """Return what a label of a line is made of, where it is about devices of these kinds."""
    found = {fact.name: fact for kind in is_mig for path in line.paths for fact in expand(path, is_mig=kind)}
    if not found and configured_by(line.roots).startswith("under"):
        found = {"--mig-strategy": Fact(name="--mig-strategy")}  # what the template is named after
    return tuple(found.values())


def sources_of(fact: Fact) -> tuple[str, ...]:
    """Return where a fact is read from; an option's file by its default name."""
    return tuple(f"{_DEFAULTS[each]} ({each})" if each in _DEFAULTS else each for each in fact.sources)
