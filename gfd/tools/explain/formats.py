"""Format explanations as a table, paragraphs, JSON or Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TextIO

from gfd.inventory.snapshot import to_plain
from gfd.labels.syntax import VENDOR
from gfd.text import escape
from gfd.tools.explain.explanation import HEXADECIMAL, NONE
from gfd.tools.explain.markdown import format_markdown
from gfd.tools.table import format_table
from gfd.tools.terminal import BOLD, is_coloured, paint, width_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.tools.explain.answers import Question
    from gfd.tools.explain.explanation import Explanation, LabelAnswer, LabelDevice, LabelFact, LabelOrigin

COLUMN = 10
"""The width of a paragraph's first column, in characters."""
MAX_DEVICES = 7
"""The maximum number of devices of a label on a terminal, so that an explanation fits on the screen."""


def format_answer(question: Question, answer: LabelAnswer, stream: TextIO) -> str:
    """Format the answer for the question's output format and the width of ``stream``."""
    if question.output_format == "json":
        return (
            json.dumps([to_plain(each, with_defaults=True) for each in answer.explanations], indent=2) + "\n"
        )
    if question.output_format == "markdown":
        return format_markdown(answer)
    known = [each for each in answer.explanations if each.is_known]
    width, has_colour = width_of(stream), is_coloured(stream)
    if question.keys:
        return "\n".join(_write_paragraph(each, width, has_colour=has_colour) for each in known)
    if question.is_catalog:
        heading = ("label", "unit", "when", "meaning")
        rows = [(_shorten(each), each.unit, each.places[0].when, each.meaning) for each in known]
    elif question.node is not None:
        if not known:
            name = escape(question.node)
            return f"Node {name} has no labels of gfd; run gfd doctor in the agent's pod there\n"
        heading = ("label", "value", "owned by", "meaning")
        rows = [
            (
                _shorten(each),
                each.value or "",
                ", ".join(each.holders or ()),
                each.meaning or _describe_owner(each),
            )
            for each in known
        ]
    else:
        heading = ("label", "value", "unit", "meaning")
        rows = [(_shorten(each), each.value or "", each.unit, each.meaning) for each in known]
    return format_table(rows, heading=heading, width=width, is_coloured=has_colour)


def _shorten(explanation: Explanation) -> str:
    return explanation.key.removeprefix(VENDOR)


def _describe_owner(explanation: Explanation) -> str:
    return f"Belongs to {explanation.owner}." if explanation.owner else ""


def _write_paragraph(explanation: Explanation, width: int | None, *, has_colour: bool) -> str:
    title = escape(explanation.key)
    rest = "" if explanation.value is None else f"={escape(explanation.value)}"
    if explanation.value is None and explanation.seen_on:
        rest = f": not written on {escape(explanation.seen_on)}"
    lines = [paint(title, BOLD, is_coloured=has_colour) + rest]
    meaning = explanation.meaning or _describe_owner(explanation)
    rows = _list_rows(explanation, MAX_DEVICES if width is not None else None)
    named = [(f"{name:<{COLUMN}}", text) for name, text in rows if text]
    return (
        "\n".join([*lines, ""])
        + format_table([(meaning,)] if meaning else [], width=width, is_wrapped=True, indent="  ")
        + format_table(named, width=width, is_wrapped=True, indent="  ")
    )


def _list_rows(explanation: Explanation, at_most: int | None) -> Iterator[tuple[str, str]]:
    yield "unit", explanation.unit
    for origin in explanation.places:
        yield from _list_origin_rows(origin)
    for number, part in enumerate(explanation.parts):
        yield "" if number else "made from", _format_fact(part)
        for failure in part.failures:
            yield "", failure
    members = explanation.members[:at_most]
    for number, member in enumerate(members):
        yield "" if number else "devices", _format_device(member)
    if len(members) < len(explanation.members):
        yield "", f"and {len(explanation.members) - len(members)} more; a pipe or -o json shows all"
    if explanation.holders is not None and explanation.value is not None:
        yield "owned by", ", ".join(explanation.holders) or "unknown; see kubectl get --show-managed-fields"
    if explanation.value is not None:
        is_raw = explanation.holders is None or not explanation.parts
        yield (
            "value from",
            explanation.seen_on + ("" if is_raw else "; run gfd explain there for raw values"),
        )


def _list_origin_rows(origin: LabelOrigin) -> Iterator[tuple[str, str]]:
    source = f": {origin.source}" if origin.source else ""
    yield ("skipped" if origin.reason else "written by"), f"{origin.template}, line {origin.line}{source}"
    if origin.reason:
        yield "", origin.reason
    elif origin.when:
        yield "when", origin.when


def _format_fact(part: LabelFact) -> str:
    """Format a fact in one line: name, value, unit, devices, sources."""
    text = part.name
    if part.name.startswith("--"):
        return text + "".join(f" = {each.value} ({part.sources[0]})" for each in part.readings)
    unit = f" {part.unit}" if part.unit and part.unit != HEXADECIMAL else ""
    if part.name.endswith(".index"):
        devices = [name for reading in part.readings for name in reading.devices]
        text += f": {_join_devices(devices) or NONE}" if part.readings else ""
    elif part.readings:
        text += " = " + "; ".join(
            f"{each.value}{unit if each.value != NONE else ''}{_format_devices(each.devices)}"
            for each in part.readings
        )
    elif unit:
        text += f" in{unit}"
    return f"{text}, from {', '.join(part.sources)}" if part.sources else text


def _format_devices(devices: Sequence[str]) -> str:
    return f" of {_join_devices(devices)}" if devices else ""


def _join_devices(devices: Iterable[str]) -> str:
    """Join names of devices in short form: ``GPU 0-7 MIG 0-6, GPU 8 MIG 2``."""
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
    # "0, 1" is as short as "0-1".
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)


def _format_device(member: LabelDevice) -> str:
    """Format a device in one line of at most 80 columns."""
    name = member.name
    if member.mig is None:
        name += f" ({member.pci_address})" if member.pci_address else ""
    elif member.gi is not None and member.ci is not None:
        name += f", gi/ci {member.gi}/{member.ci}"
    return f"{name}, {member.uuid}" if member.uuid else name
