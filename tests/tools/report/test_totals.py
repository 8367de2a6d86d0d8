from __future__ import annotations

import pytest

from gfd.clusterview.gpus import describe
from gfd.clusterview.nodes import Node
from gfd.tools.nodes.product_totals import ProductTotal
from gfd.tools.report.diagrams import Diagram, Segment, SegmentState
from gfd.tools.report.node_cards import NodeCard
from gfd.tools.report.totals import _make_row, make_legend, make_total_rows

GPU = "nvidia.com/gpu"


def total(product: str = "P", resource: str = GPU, **more: int | None) -> ProductTotal:
    counts = {"nodes": 3, "allocatable": 24, "free": 10, "unusable": 0, "largest": 8, "fitting": 2, **more}
    return ProductTotal(product=product, resource=resource, **counts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("found", "free", "largest"),
    [
        (total(), "10", "an 8-GPU pod fits on 2 nodes"),
        (total(largest=4, fitting=1), "10", "a 4-GPU pod fits on 1 node"),
        (total(unusable=2), "10 (2 on nodes that take no new pods)", "an 8-GPU pod fits on 2 nodes"),
        (total(tainted=2), "10", "an 8-GPU pod fits on 2 nodes, with a toleration"),
        (total(tainted=1), "10", "an 8-GPU pod fits on 2 nodes, on 1 only with a toleration"),
        (total(free=0, largest=0, fitting=0), "0", "no device is free for a pod"),
        (total(free=None, largest=0, fitting=0), "", ""),
        (total("P-MIG-1g.5gb", largest=7), "10", "a pod with 7 × gpu fits on 2 nodes"),  # noqa: RUF001
        (
            total(resource="nvidia.com/mig-1g.5gb", largest=7),
            "10",
            "a pod with 7 × mig-1g.5gb fits on 2 nodes",  # noqa: RUF001
        ),
    ],
)
def test_the_words_of_a_row(found: ProductTotal, free: str, largest: str) -> None:
    row = _make_row(found)
    assert (row.free, row.largest) == (free, largest)


def test_only_nodes_with_gpus_are_counted() -> None:
    gpus = describe(Node(name="a", allocatable={GPU: 8}))
    (row,) = make_total_rows([NodeCard(name="a", gpus=gpus), NodeCard(name="b")])
    assert (row.product, row.resource, row.nodes, row.allocatable) == ("unknown: no labels", GPU, 1, 8)


def cards(*states: SegmentState) -> list[NodeCard]:
    diagram = Diagram(caption="d", columns=8, segments=tuple(Segment(state=state) for state in states))
    return [NodeCard(name="a", diagrams=(diagram,))]


def test_the_legend_has_only_what_is_on_the_page() -> None:
    assert make_legend(cards("free", "taken"), is_cluster=True) == [
        ("taken", "held by a pod"),
        ("free", "free"),
    ]
    assert make_legend(cards("taken", "unusable", "present"), is_cluster=False) == [
        ("taken", "MIG instance"),
        ("unusable", "cannot be used: its memory belongs to an instance"),
    ]
    assert make_legend(cards("present"), is_cluster=False) == []
    assert make_legend(cards("present"), is_cluster=True) == [
        ("present", "offered; whether a pod holds it is unknown")
    ]
