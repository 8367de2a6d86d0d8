"""The catalog of all labels that templates can write, explained without a machine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.config.options import EXTRA_LABELS, OPTIONS
from gfd.labels.strategies import STRATEGIES
from gfd.labels.syntax import VENDOR
from gfd.text import find_closest
from gfd.tools.explain.explanation import Explanation, LabelFact, LabelOrigin, TemplateInfo
from gfd.tools.explain.facts import Fact, list_facts
from gfd.tools.explain.label_lines import read_lines
from gfd.tools.explain.owners import find_owner

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.labels.templates import Templates
    from gfd.tools.explain.label_lines import LabelLine

_INTRODUCTION = re.compile(r"\{# (.*?)#\}", re.DOTALL)
_DEFAULTS = {option.flag: option.default for option in OPTIONS}


class LabelCatalog:
    """The labels that a set of templates can write."""

    def __init__(self, templates: Templates) -> None:
        """Read the templates. Raises TemplateError."""
        self._templates = templates
        self.lines = read_lines(templates)

    def find(self, key: str) -> tuple[LabelLine, ...]:
        """Return the lines that can write ``key``; it may also be a pattern such as <resource>.count."""
        found = [line for line in self.lines if line.pattern == key or line.expression.fullmatch(key)]
        # gpu.count.full must not match the pattern gpu.count.<product>.
        longest = max((line.literal_length for line in found), default=0)
        return tuple(line for line in found if line.literal_length == longest)

    def explain(self) -> tuple[Explanation, ...]:
        """Explain every label."""
        return tuple(explain_line(line) for line in self.lines)

    def list_templates(self) -> tuple[TemplateInfo, ...]:
        """Return the templates with the comments at their beginning."""
        found = []
        for name in dict.fromkeys(line.template for line in self.lines):
            comment = _INTRODUCTION.match(self._templates.engine.parse(name)[0])
            found.append(
                TemplateInfo(name=name, introduction=" ".join(comment[1].split()) if comment else "")
            )
        return tuple(found)

    def explain_unknown(self, key: str, known: Iterable[str] = ()) -> Explanation:
        """Explain a key that gfd never writes; ``known`` are more keys that the user could have meant."""
        names = {name.removeprefix(VENDOR): name for name in (*self._list_examples(), *known)}
        near = find_closest(key.removeprefix(VENDOR), names)
        return Explanation(key=key, owner=find_owner(key), nearest=names[near] if near else "")

    def _list_examples(self) -> Iterable[str]:
        return (line.pattern.replace("<resource>", "gpu") for line in self.lines)


def complete_key(word: str) -> str:
    """Return the key with ``nvidia.com/`` if it has no prefix."""
    return word if "/" in word else VENDOR + word


def explain_line(line: LabelLine) -> Explanation:
    """Explain the labels of a line without a machine."""
    return Explanation(
        key=line.pattern,
        unit=line.unit,
        meaning=line.meaning,
        places=(make_origin(line),),
        parts=tuple(
            LabelFact(name=fact.name, unit=fact.unit, sources=list_sources(fact))
            for fact in list_line_facts(line, line.is_mig)
        ),
    )


def make_origin(line: LabelLine, reason: str = "") -> LabelOrigin:
    """Return the origin of a line's labels; ``reason`` is why the line wrote no label."""
    when = ", ".join(filter(None, (describe_configuration(line.roots), line.condition)))
    return LabelOrigin(template=line.template, line=line.number, source=line.source, when=when, reason=reason)


def describe_configuration(roots: frozenset[str]) -> str:
    """Return the options with which one of these templates is rendered, in words; empty if always."""
    strategies = [name for name in STRATEGIES if f"{name}.j2" in roots]
    if len(strategies) == len(STRATEGIES):
        return ""
    groups = [name for name in EXTRA_LABELS if f"extra/{name}.j2" in roots]
    words = [f"with --mig-strategy {' or '.join(strategies)}"] if strategies else []
    words += [f"with --extra-labels {name}" for name in groups]
    return " or ".join(words)


def list_line_facts(line: LabelLine, is_mig: Iterable[bool], *, discovery: str = "nvml") -> tuple[Fact, ...]:
    """Return the facts in the value of a line, for full GPUs (False), MIG devices (True), or both.

    ``discovery`` is the strategy with which the machine was read.
    """
    found = {
        fact.name: fact
        for kind in is_mig
        for path in line.paths
        for fact in list_facts(path, is_mig=kind, discovery=discovery)
    }
    if not found and describe_configuration(line.roots).startswith("with --mig-strategy"):
        found = {"--mig-strategy": Fact(name="--mig-strategy")}  # the template's name
    return tuple(found.values())


def list_sources(fact: Fact) -> tuple[str, ...]:
    """Return the sources of a fact; a file that an option names is shown with its default name."""
    return tuple(f"{_DEFAULTS[each]} ({each})" if each in _DEFAULTS else each for each in fact.sources)
