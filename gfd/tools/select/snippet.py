"""What is pasted into a manifest: where the pod may go, and what it requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import describe
from gfd.text import escape
from gfd.tools.nodes.table import dump_yaml
from gfd.tools.table import format_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.clusterview.nodes import Node
    from gfd.kube.requirements import Requirement
    from gfd.tools.select.missing import Lack
    from gfd.tools.select.selection import Answer, Selection, Terms

MOST_NODES = 10
"""Lines about nodes above what is pasted."""
NAME = "main"
"""Of the container, to be replaced by its own."""


def to_spec(answer: Answer, count: int) -> dict[str, Any]:
    """Return the part of a PodSpec that asks for ``count`` devices where they are."""
    selector = _to_selector(answer.terms)
    spec: dict[str, Any] = {}
    if selector is not None:
        spec["nodeSelector"] = selector
    else:
        terms = [{"matchExpressions": [_to_expression(need) for need in term]} for term in answer.terms]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        spec["affinity"] = {"nodeAffinity": required}
    tolerations = [
        {"key": taint.key, "operator": "Exists", "effect": taint.effect} for taint in answer.tolerations
    ]
    if tolerations:
        spec["tolerations"] = tolerations
    spec["containers"] = [{"name": NAME, "resources": {"limits": {answer.resource: count}}}]
    return spec


def to_text(selection: Selection, *, is_known: bool) -> str:
    """Return the answers as YAML to paste, with comments; ``is_known``: whether there were nodes to ask."""
    count = selection.wanted.count
    parts = []
    for answer in selection.answers:
        above = _heading(answer, count) if is_known else "no node was asked\n"
        if answer.shape.strategy:
            above = f"MIG strategy {answer.shape.strategy}: {above}"
        parts.append(_comment(above) + dump_yaml({"spec": to_spec(answer, count)}))
    head = f"paste into the pod; {NAME} stands for its container\n"
    several = "there are several ways, of which a pod can go one\n" if len(parts) > 1 else ""
    return _comment(head + several) + "---\n".join(parts)


def to_plain(selection: Selection, lacks: Sequence[Lack]) -> dict[str, Any]:
    """Return the answers, and what there is of each criterion, as dicts, lists and scalars."""
    return {
        "answers": [
            {
                "strategy": answer.shape.strategy,
                "resource": answer.resource,
                "count": selection.wanted.count,
                "spec": to_spec(answer, selection.wanted.count),
                "nodes": [_plain_node(node, answer) for node in answer.nodes],
                "refusing": _plain_refusals(answer.refusing),
            }
            for answer in selection.answers
        ],
        "refusing": _plain_refusals(selection.refusing),
        "criteria": [
            {
                "option": lack.criterion.option,
                "text": lack.criterion.text,
                "nodes": lack.nodes,
                "there": [{"value": value, "nodes": number} for value, number in lack.there],
            }
            for lack in lacks
        ],
    }


def comment_lacks(selection: Selection, lacks: Sequence[Lack], width: int | None) -> str:
    """Return as comments how many nodes each criterion takes, what there is instead, and who refuses."""
    rows = [
        [
            f"{lack.criterion.option} {lack.criterion.text}",
            str(lack.nodes),
            ", ".join(f"{value} ({number})" for value, number in lack.there[:MOST_NODES]),
        ]
        for lack in lacks
    ]
    heading = ("CRITERION", "NODES", "THERE IS")
    inner = None if width is None else width - len("# ")
    text = format_table(rows, heading=heading, width=inner)
    return _comment(text + _say_refusals(selection.refusing))


def _heading(answer: Answer, count: int) -> str:
    resource, nodes = answer.resource, answer.nodes
    full = [node for node in nodes if node.is_counted and node.free(resource) < count]
    said = f"{len(nodes)} {'node takes' if len(nodes) == 1 else 'nodes take'} this"
    if full:
        said += f", {len(full)} full now"
    rows = [
        [
            node.name,
            _product(node, answer),
            f"{node.free(resource) if node.is_counted else '?'}/{node.allocatable[resource]}",
        ]
        for node in nodes[:MOST_NODES]
    ]
    text = format_table(rows, heading=("NODE", "PRODUCT", "FREE"))
    more = f"and {len(nodes) - len(rows)} more\n" if len(nodes) > len(rows) else ""
    return f"{said}\n{text}{more}{_say_models(answer)}{_say_refusals(answer.refusing)}"


def _say_models(answer: Answer) -> str:
    """Return which nodes give any of several models to who asks for a GPU: labels speak of one."""
    lines = [
        f"{node.name} has several models, and a pod may get any: {', '.join(models)}\n"
        for node in answer.nodes
        if not answer.shape.strategy and (models := describe(node).models)
    ]
    return "".join(lines[:MOST_NODES])


def _say_refusals(refusing: Sequence[tuple[Node, str]]) -> str:
    lines = [f"not {node.name}: it {reason}\n" for node, reason in refusing[:MOST_NODES]]
    others = len(refusing) - len(lines)
    return "".join(lines) + (f"nor {others} more\n" if others else "")


def _product(node: Node, answer: Answer) -> str:
    return node.labels.get(answer.shape.product, "")


def _to_selector(terms: Terms) -> dict[str, str] | None:
    """Return the nodeSelector that says the same; None where there is none."""
    if len(terms) != 1 or any(need.operator != "In" or len(need.values) != 1 for need in terms[0]):
        return None
    return {need.key: need.values[0] for need in terms[0]}


def _to_expression(need: Requirement) -> dict[str, Any]:
    expression: dict[str, Any] = {"key": need.key, "operator": need.operator}
    return expression | {"values": list(need.values)} if need.values else expression


def _plain_node(node: Node, answer: Answer) -> dict[str, Any]:
    return {
        "node": node.name,
        "product": _product(node, answer) or None,
        "allocatable": node.allocatable[answer.resource],
        "free": max(node.free(answer.resource), 0) if node.is_counted else None,
    }


def _plain_refusals(refusing: Sequence[tuple[Node, str]]) -> list[dict[str, str]]:
    return [{"node": node.name, "reason": reason} for node, reason in refusing]


def _comment(text: str) -> str:
    return "".join(f"# {escape(line)}".rstrip() + "\n" for line in text.split("\n")[:-1])
