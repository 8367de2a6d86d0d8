"""Explanations as people and programs read them: a table, a paragraph a label, JSON, Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from gfd.inventory.snapshot import to_plain
from gfd.labels.syntax import VENDOR
from gfd.text import escape
from gfd.tools.explain.explanation import HEXADECIMAL, NONE
from gfd.tools.table import format_table
from gfd.tools.terminal import BOLD, is_coloured, paint, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.explain.answers import Question
    from gfd.tools.explain.explanation import Answer, Explanation, Member, Part, Place

COLUMN = 10
"""Characters of the first column, in every paragraph."""
MEMBERS = 7
"""Devices that a terminal shows of a label: those of one GPU, and an answer that stays on one screen."""

_PAGE = """\
# Labels

<!-- gfd explain --catalog -o markdown writes this page; pytest --update-golden tests/tools renews it. -->

Every label that gfd can write. `gfd explain KEY` says what one is on this machine and what it is made of.
`<resource>` stands for `gpu`, and under the MIG strategy `mixed` also for each `mig-<profile>`, such as
`mig-1g.5gb`.
"""


def write(question: Question, answer: Answer, stream: TextIO) -> str:
    """Return the page that was asked for, fit for ``stream``."""
    if question.page == "json":
        return (
            json.dumps([to_plain(each, with_defaults=True) for each in answer.explanations], indent=2) + "\n"
        )
    if question.page == "markdown":
        return _write_markdown(answer)
    known = [each for each in answer.explanations if each.is_known]
    width, has_colour = width_of(stream), is_coloured(stream)
    if question.keys:
        return "\n".join(_write_paragraph(each, width, has_colour=has_colour) for each in known)
    if question.is_catalogue:
        heading = ("label", "unit", "when", "meaning")
        rows = [(_short(each), each.unit, each.places[0].when, each.meaning) for each in known]
    elif question.node is not None:
        if not known:
            name = escape(question.node)
            return f"Node {name} has no label of gfd's; gfd doctor in the agent's pod there says why\n"
        heading = ("label", "value", "held by", "meaning")
        rows = [
            (_short(each), each.value or "", ", ".join(each.holders or ()), each.meaning or _owned(each))
            for each in known
        ]
    else:
        heading = ("label", "value", "unit", "meaning")
        rows = [(_short(each), each.value or "", each.unit, each.meaning) for each in known]
    return format_table(rows, heading=heading, width=width, is_coloured=has_colour)


def _short(explanation: Explanation) -> str:
    return explanation.key.removeprefix(VENDOR)


def _owned(explanation: Explanation) -> str:
    return f"Belongs to {explanation.owner}." if explanation.owner else ""


def _write_paragraph(explanation: Explanation, width: int | None, *, has_colour: bool) -> str:
    title = escape(explanation.key)
    rest = "" if explanation.value is None else f"={escape(explanation.value)}"
    if explanation.value is None and explanation.seen_on:
        rest = f": not written on {escape(explanation.seen_on)}"
    lines = [paint(title, BOLD, is_coloured=has_colour) + rest]
    meaning = explanation.meaning or _owned(explanation)
    rows = _rows(explanation, MEMBERS if width is not None else None)
    named = [(f"{name:<{COLUMN}}", text) for name, text in rows if text]
    return (
        "\n".join([*lines, ""])
        + format_table([(meaning,)] if meaning else [], width=width, is_wrapped=True, indent="  ")
        + format_table(named, width=width, is_wrapped=True, indent="  ")
    )


def _rows(explanation: Explanation, at_most: int | None) -> Iterator[tuple[str, str]]:
    yield "unit", explanation.unit
    for place in explanation.places:
        yield from _place_rows(place)
    for number, part in enumerate(explanation.parts):
        yield "" if number else "made from", _describe(part)
        for failure in part.failures:
            yield "", failure
    members = explanation.members[:at_most]
    for number, member in enumerate(members):
        yield "" if number else "stands for", _name(member)
    if len(members) < len(explanation.members):
        yield "", f"and {len(explanation.members) - len(members)} more, which a pipe or -o json shows"
    if explanation.holders is not None and explanation.value is not None:
        yield "held by", ", ".join(explanation.holders) or "unknown; kubectl tells with --show-managed-fields"
    if explanation.value is not None:
        is_asked = explanation.holders is None or not explanation.parts
        yield "seen on", explanation.seen_on + ("" if is_asked else "; gfd explain there tells raw values")


def _place_rows(place: Place) -> Iterator[tuple[str, str]]:
    source = f": {place.source}" if place.source else ""
    yield ("not by" if place.reason else "written by"), f"{place.template}, line {place.line}{source}"
    if place.reason:
        yield "", place.reason
    elif place.when:
        yield "when", place.when


def _describe(part: Part) -> str:
    """Return a fact in one line: name, value, unit, devices, sources."""
    text = part.name
    if part.name.startswith("--"):
        return text + "".join(f" = {each.value} ({part.sources[0]})" for each in part.readings)
    unit = f" {part.unit}" if part.unit and part.unit != HEXADECIMAL else ""
    if part.name.endswith(".index"):
        devices = [name for reading in part.readings for name in reading.devices]
        text += f": {_join(devices) or NONE}" if part.readings else ""
    elif part.readings:
        text += " = " + "; ".join(
            f"{each.value}{unit if each.value != NONE else ''}{_of(each.devices)}" for each in part.readings
        )
    elif unit:
        text += f" in{unit}"
    return f"{text}, from {', '.join(part.sources)}" if part.sources else text


def _of(devices: Sequence[str]) -> str:
    return f" of {_join(devices)}" if devices else ""


def _join(devices: Iterable[str]) -> str:
    """Return names of devices without what they have in common: ``GPU 0-7 MIG 0-6, GPU 8 MIG 2``."""
    whole: list[int] = []
    sliced: dict[int, list[int]] = {}
    for device in devices:
        _, gpu, *mig = device.split()
        if mig:
            sliced.setdefault(int(gpu), []).append(int(mig[1]))
        else:
            whole.append(int(gpu))
    alike: dict[str, list[int]] = {}
    for number, migs in sliced.items():
        alike.setdefault(f" MIG {_join_numbers(migs)}", []).append(number)
    groups = {"": whole, **alike} if whole else alike
    return ", ".join(f"GPU {_join_numbers(gpus)}{migs}" for migs, gpus in groups.items())


def _join_numbers(numbers: Iterable[int]) -> str:
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    # A run of two is no shorter as one.
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _name(member: Member) -> str:
    """Return a device in one line, of which 80 columns can show all."""
    name = member.name
    if member.mig is None:
        name += f" ({member.pci_address})" if member.pci_address else ""
    elif member.gi is not None and member.ci is not None:
        name += f", gi/ci {member.gi}/{member.ci}"
    return f"{name}, {member.uuid}" if member.uuid else name


def _write_markdown(answer: Answer) -> str:
    """Return the catalogue as a page with a section a template."""
    sections: dict[str, list[str]] = {}
    for each in answer.explanations:
        rows = sections.setdefault(each.places[0].template, [])
        cells = (f"`{each.key}`", each.unit, each.meaning, each.places[0].when, _list(each.parts))
        rows.append(f"| {' | '.join(_escape(escape(cell)) for cell in cells)} |\n")
    page = _PAGE
    for template in answer.templates:
        introduction = f"{_escape(escape(template.introduction))}\n\n" if template.introduction else ""
        page += f"\n## {escape(template.name)}\n\n{introduction}"
        page += "| label | unit | meaning | when | made from |\n|---|---|---|---|---|\n"
        page += "".join(sections[template.name])
    return page


def _list(parts: Iterable[Part]) -> str:
    return "; ".join(
        f"`{part.name}`" + (f" ({', '.join(f'`{each}`' for each in part.sources)})" if part.sources else "")
        for part in parts
    )


def _escape(text: str) -> str:
    """Return text as Markdown shows it; what is in backticks is left alone but for the bars of the table."""
    pieces = text.replace("|", "\\|").split("`")
    pieces[::2] = [piece.replace("<", "\\<").replace("*", "\\*") for piece in pieces[::2]]
    return "`".join(pieces)
