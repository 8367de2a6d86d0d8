"""Format the answer of ``gfd select --dra``: YAML with comments to apply and paste, or JSON and YAML."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.device_counts import GPU_CLASS
from gfd.tools.select.dra.claim import build_spec, build_template
from gfd.tools.select.formats import (
    MAX_LINES,
    describe_near_misses,
    describe_rejections,
    rejections_to_plain,
    to_comment,
)
from gfd.tools.select.manifest import CONTAINER
from gfd.tools.serialization import to_yaml
from gfd.tools.table import format_table
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.tools.select.dra.clause import DeviceClause
    from gfd.tools.select.dra.selection import DraSelection


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionDevices:
    """How many devices of the claim's class meet an option."""

    option: str
    text: str
    """The option's values, as the user may write them."""
    labels: tuple[str, ...]
    met: int
    values: Mapping[str, int]
    """How many devices have each value."""


_PASTE = f"paste this into the pod; replace {CONTAINER} with the name of its container\n"


def to_text(selection: DraSelection) -> str:
    """Return the ResourceClaimTemplate and the fields of the pod, with comments."""
    head = "apply this ResourceClaimTemplate in the namespace of the pod\n"
    notes = "".join(f"{note}\n" for note in selection.notes) + describe_near_misses(selection.near_misses)
    template = to_yaml(build_template(selection.claim))
    spec = to_yaml({"spec": build_spec(selection.claim, selection.tolerations)})
    return f"{to_comment(head + notes + _describe_nodes(selection))}{template}---\n{to_comment(_PASTE)}{spec}"


def to_plain(selection: DraSelection) -> dict[str, Any]:
    """Return the answer as dicts, lists and scalars; without answers if no node can run the pod."""
    answer = {
        "resourceClaimTemplate": build_template(selection.claim),
        "spec": build_spec(selection.claim, selection.tolerations),
        "count": selection.claim.count,
        "nodes": [
            {
                "node": each.node.name,
                "request": each.alternative.name,
                "products": list(each.products),
                "devices": each.total,
                "free": each.free,
                "tainted": each.blocked,
            }
            for each in selection.nodes
        ],
    }
    return {
        "answers": [] if selection.is_refused else [answer],
        "compared_nodes": selection.compared,
        "refusing": rejections_to_plain(selection.rejections),
        "criteria": [
            {
                "option": each.option,
                "text": each.text,
                "labels": list(each.labels),
                "devices": each.met,
                "there": [{"value": value, "devices": count} for value, count in each.values.items()],
            }
            for each in _evaluate(selection)
        ],
    }


def to_mismatch_text(selection: DraSelection, *, width: int | None) -> str:
    """Return comments: how many devices meet each clause, the values that devices have, the rejections."""
    rows = [
        [
            f"{each.option} {each.text}",
            str(each.met),
            ", ".join(f"{value} ({count})" for value, count in list(each.values.items())[:MAX_LINES]),
        ]
        for each in _evaluate(selection)
    ]
    inner = None if width is None else width - len("# ")
    table = format_table(rows, heading=("CRITERION", "DEVICES", "VALUES"), width=inner) if rows else ""
    # The error names the near misses, unless it is about nodes that cannot run the pod.
    near_misses = describe_near_misses(selection.near_misses) if selection.rejections else ""
    return to_comment(table + describe_rejections(selection.rejections) + near_misses)


def explain(selection: DraSelection) -> str:
    """Return why no node can run the pod, and what to do."""
    if selection.rejections:
        first = selection.rejections[0]
        return (
            f"{pluralize(len(selection.rejections), 'node')} with such devices, but none can run the pod; "
            f"{first.node.name} {first.reason}"
        )
    where = f"the ResourceSlices of {pluralize(selection.compared or 0, 'node')}"
    if not selection.devices:
        other = "--mig-profile" if selection.claim.device_class == GPU_CLASS else "--exclusive"
        return (
            f"{where} have no device of the class {selection.claim.device_class}; ask for others with {other}"
        )
    if selection.nearest:
        return f"no device in {where} {selection.nearest}"
    worst = min(_evaluate(selection), key=lambda each: each.met)
    met = f"{worst.met} of {len(selection.devices)} devices" if worst.met else "none"
    return (
        f"no device in {where} meets all criteria; {worst.option} {worst.text!r} is met by {met}: change it, "
        "or leave it out"
    )


def _describe_nodes(selection: DraSelection) -> str:
    if selection.compared is None:
        return "not compared with any devices\n"
    if not selection.compared:
        return "not compared with any devices: no node has ResourceSlices of gpu.nvidia.com\n"
    nodes = selection.nodes
    head = f"{len(nodes)} {'node has' if len(nodes) == 1 else 'nodes have'} such devices\n"
    rows = [
        [
            each.node.name,
            ", ".join(each.products),
            f"{'?' if each.free is None else each.free}/{each.total}",
            ",".join(f"{taint}:{count}" for taint, count in each.taints.items()),
        ]
        for each in nodes[:MAX_LINES]
    ]
    more = f"and {len(nodes) - len(rows)} more\n" if len(nodes) > len(rows) else ""
    heading = (
        ("NODE", "PRODUCT", "FREE", "TAINTED")
        if any(row[-1] for row in rows)
        else ("NODE", "PRODUCT", "FREE")
    )
    table = format_table([row[: len(heading)] for row in rows], heading=heading)
    return head + table + more + describe_rejections(selection.rejections)


def _evaluate(selection: DraSelection) -> list[CriterionDevices]:
    """Return how many devices meet each option."""
    by_option: dict[str, dict[str, DeviceClause]] = {}
    for alternative in selection.claim.alternatives:
        for clause in alternative.clauses:
            by_option.setdefault(clause.option, {}).setdefault(clause.text, clause)
    found = []
    for option, by_text in by_option.items():
        clauses, values = tuple(by_text.values()), Counter[str]()
        for device in selection.devices:
            values[clauses[0].read_value(device) or "absent"] += 1
        met = sum(any(clause.accepts(device) for clause in clauses) for device in selection.devices)
        found.append(
            CriterionDevices(
                option=option,
                text=",".join(by_text),
                labels=tuple(dict.fromkeys(clause.label for clause in clauses)),
                met=met,
                values=values,
            )
        )
    return found
