"""Format a selection: YAML with comments to paste, or everything as JSON or YAML."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.gpus import describe
from gfd.text import escape
from gfd.tools.select.manifest import CONTAINER, build_spec
from gfd.tools.serialization import to_json, to_yaml
from gfd.tools.table import format_table
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.tools.select.mismatch import CriterionResult
    from gfd.tools.select.selection import Rejection, Selection, Variant

FORMATS: Mapping[str, Callable[[Any], str]] = {"json": to_json, "yaml": to_yaml}
"""For :func:`to_plain`."""
MAX_LINES = 10
"""The maximum number of nodes in a comment."""


def to_text(selection: Selection, near_misses: Sequence[str], *, has_nodes: bool) -> str:
    """Return the variants as YAML with comments to paste; ``has_nodes`` is whether the nodes are known.

    ``near_misses`` are sentences about nodes that do not match, but nearly.
    """
    count = selection.query.count
    parts = []
    for variant in selection.variants:
        comment = _describe_nodes(variant, count) if has_nodes else "not compared with any nodes\n"
        if variant.device.strategy:
            comment = f"MIG strategy {variant.device.strategy}: {comment}"
        parts.append(to_comment(comment) + to_yaml({"spec": build_spec(variant, count)}))
    head = f"paste this into the pod; replace {CONTAINER} with the name of its container\n"
    notes = "".join(f"{note}\n" for each in selection.criteria for note in each.notes)
    notes += describe_near_misses(near_misses)
    several = "there are several ways to request the device; choose one\n" if len(parts) > 1 else ""
    return to_comment(head + notes + several) + "---\n".join(parts)


def to_plain(selection: Selection, results: Sequence[CriterionResult]) -> dict[str, Any]:
    """Return the variants and the result of each criterion as dicts, lists and scalars."""
    return {
        "answers": [
            {
                "strategy": variant.device.strategy,
                "resource": variant.resource,
                "count": selection.query.count,
                "spec": build_spec(variant, selection.query.count),
                "nodes": [_node_to_plain(node, variant) for node in variant.nodes],
                "refusing": rejections_to_plain(variant.rejections),
            }
            for variant in selection.variants
        ],
        "refusing": rejections_to_plain(selection.rejections),
        "criteria": [
            {
                "option": result.criterion.option,
                "text": result.criterion.text,
                "nodes": len(result.names),
                "there": [{"value": each.value, "nodes": len(each.nodes)} for each in result.values],
            }
            for result in results
        ],
    }


def to_mismatch_text(
    selection: Selection,
    results: Sequence[CriterionResult],
    near_misses: Sequence[str] = (),
    *,
    width: int | None,
) -> str:
    """Return comments: how many nodes meet each criterion, the values that nodes have, the rejections.

    ``near_misses`` are sentences about nodes that do not match, but nearly.
    """
    rows = [
        [
            f"{result.criterion.option} {result.criterion.text}".rstrip(),
            str(len(result.names)),
            ", ".join(f"{each.value} ({len(each.nodes)})" for each in result.values[:MAX_LINES]),
        ]
        for result in results
    ]
    inner = None if width is None else width - len("# ")
    table = format_table(rows, heading=("CRITERION", "NODES", "VALUES"), width=inner)
    rejected = describe_rejections(selection.rejections)
    return to_comment(table + rejected + describe_near_misses(near_misses))


def describe_near_misses(near_misses: Sequence[str]) -> str:
    """Return a line for each near miss, at most :data:`MAX_LINES`."""
    return "".join(f"near miss: {each}\n" for each in near_misses[:MAX_LINES])


def _describe_nodes(variant: Variant, count: int) -> str:
    resource, nodes = variant.resource, variant.nodes
    full = [node for node in nodes if node.is_counted and node.free(resource) < count]
    head = f"{len(nodes)} {'node matches' if len(nodes) == 1 else 'nodes match'}"
    if full:
        head += f"; {len(full)} {'has' if len(full) == 1 else 'have'} too few free devices now"
    rows = [
        [
            node.name,
            _read_product(node, variant),
            f"{node.free(resource) if node.is_counted else '?'}/{node.allocatable[resource]}",
        ]
        for node in nodes[:MAX_LINES]
    ]
    table = format_table(rows, heading=("NODE", "PRODUCT", "FREE"))
    more = f"and {len(nodes) - len(rows)} more\n" if len(nodes) > len(rows) else ""
    return f"{head}\n{table}{more}{_describe_models(variant)}{describe_rejections(variant.rejections)}"


def _describe_models(variant: Variant) -> str:
    """Return a warning about nodes with several models: a pod cannot choose, and labels describe only one."""
    lines = [
        f"{node.name} has several models; the pod may get any of {', '.join(models)}\n"
        for node in variant.nodes
        if not variant.device.strategy and (models := describe(node).models)
    ]
    return "".join(lines[:MAX_LINES])


def describe_rejections(rejections: Sequence[Rejection]) -> str:
    """Return a line for each node that cannot run the pod, at most :data:`MAX_LINES`."""
    lines = [f"{each.node.name} cannot run the pod: it {each.reason}\n" for each in rejections[:MAX_LINES]]
    others = len(rejections) - len(lines)
    return "".join(lines) + (f"{pluralize(others, 'more node')} cannot run it either\n" if others else "")


def _read_product(node: Node, variant: Variant) -> str:
    return node.labels.get(variant.device.product_label, "")


def _node_to_plain(node: Node, variant: Variant) -> dict[str, Any]:
    return {
        "node": node.name,
        "product": _read_product(node, variant) or None,
        "allocatable": node.allocatable[variant.resource],
        "free": max(node.free(variant.resource), 0) if node.is_counted else None,
    }


def rejections_to_plain(rejections: Sequence[Rejection]) -> list[dict[str, str]]:
    """Return the rejections as dicts."""
    return [{"node": each.node.name, "reason": each.reason} for each in rejections]


def to_comment(text: str) -> str:
    """Return the lines of a text as comments of YAML."""
    return "".join(f"# {escape(line)}".rstrip() + "\n" for line in text.split("\n")[:-1])
