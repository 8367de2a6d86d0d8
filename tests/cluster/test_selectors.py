"""Label selectors match the nodes that the API server matches."""

from __future__ import annotations

import random

import pytest

from gfd.errors import ApiError
from gfd.kube.client import Api
from gfd.kube.selectors import parse
from tests.cluster.controlplane import ControlPlane
from tests.cluster.nodes_command import (
    post,
)
from tests.cluster.objects import NODES, delete

pytestmark = pytest.mark.cluster


TEXTS = [
    *(
        "",
        " ",
        "a",
        "!a",
        "a=1",
        "a==1",
        "a!=1",
        "a in (1,2)",
        "a notin (1)",
        "a>0",
        "a<2",
        "a=,b",
        "a in ()",
    ),
    *("a,", ",a", "a b", "a in", "a in (", "a in (1", "a in (1 2)", "a in 1", "!a=1", "a>x", "a>-1", "a=1 2"),
    *("a/b/c", "A.b/c=1", "-a", "a=-1", "=a", "a=1=2", "(a)", "!", "!!a", "a<=1", "in in (in,notin)", "a=in"),
    *(
        "a>1,b<2",
        "a > 1",
        "a in (,1)",
        "a in (1,)",
        "a in (1,,2)",
        "a in(1)",
        "a=1,!b",
        "x" * 64,
        "a=" + "x" * 64,
    ),
]


def random_texts() -> list[str]:
    source = random.Random(6)
    parts = [
        "a",
        "b",
        "1",
        "02",
        "=",
        "==",
        "!=",
        "!",
        "in",
        "notin",
        "(",
        ")",
        ",",
        ">",
        "<",
        " ",
        "-",
        "a/b",
        "é",
    ]
    return ["".join(source.choices(parts, k=source.randint(1, 8))) for _ in range(500)]


def ask(api: Api, text: str) -> set[str] | None:
    """Return the names of the nodes that a selector matches; None if the server refuses it."""
    try:
        return {item["metadata"]["name"] for item in api.list(NODES, query={"labelSelector": text})}
    except ApiError:
        return None


def test_selectors_match_as_the_server_matches_them(plane: ControlPlane) -> None:
    """gfd refuses the selectors that the server refuses; the others match the same nodes."""
    labelled = {
        "sel-1": {"a": "1", "b": "x"},
        "sel-2": {"a": "02"},
        "sel-3": {"a": "", "in": "notin"},
        "sel-4": {"b": "1", "a": "b"},
    }
    for name, labels in labelled.items():
        post(plane.admin, {"metadata": {"name": name, "labels": labels | {"test": "sel"}}})
    refused = 0
    for text in [*TEXTS, *random_texts()]:
        try:
            selector = parse(text)
        except ValueError:
            selector = None
            refused += 1
        found = ask(plane.admin, text)
        assert (selector is None) is (found is None), text
        if selector is not None:
            taken = {name for name, labels in labelled.items() if selector.matches(labels)}
            assert (found or set()) & labelled.keys() == taken, text
    assert 100 < refused < 500
    for name in labelled:
        delete(plane.admin, f"{NODES}/{name}")
