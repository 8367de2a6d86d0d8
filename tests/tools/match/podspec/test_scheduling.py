from __future__ import annotations

from gfd.kube.requirements import Requirement
from gfd.tools.match.podspec.scheduling import NodeSelectorTerm, PreferredTerm, score

MEMORY, NAME = "nvidia.com/gpu.memory", "metadata.name"
LABELS = {MEMORY: "40960", "empty": "", "word": "forty"}


def require(key: str, operator: str, *values: str) -> Requirement:
    return Requirement(key=key, operator=operator, values=values)


def test_a_node_meets_all_requirements_of_a_term() -> None:
    here, elsewhere = require(NAME, "In", "n1"), require(NAME, "NotIn", "n1")
    has_memory, missing = require(MEMORY, "Exists"), require("none", "Exists")
    assert NodeSelectorTerm(expressions=(has_memory,), fields=(here,)).matches(LABELS, "n1")
    assert not NodeSelectorTerm(expressions=(has_memory,), fields=(here,)).matches(LABELS, "n2")
    assert not NodeSelectorTerm(expressions=(missing, has_memory), fields=(here,)).matches(LABELS, "n1")
    assert not NodeSelectorTerm(expressions=(has_memory,), fields=(elsewhere,)).matches(LABELS, "n1")


def test_a_term_without_requirements_matches_no_node() -> None:
    assert not NodeSelectorTerm().matches(LABELS, "n1")


def test_a_field_is_not_a_label() -> None:
    term = NodeSelectorTerm(expressions=(require(NAME, "In", "n1"),))
    assert not term.matches(LABELS, "n1")
    assert term.matches({NAME: "n1"}, "n2")


def test_the_score_is_the_sum_of_weights() -> None:
    preferences = (
        PreferredTerm(weight=5, term=NodeSelectorTerm(expressions=(require(MEMORY, "Exists"),))),
        PreferredTerm(weight=70, term=NodeSelectorTerm(expressions=(require("none", "Exists"),))),
        PreferredTerm(weight=20, term=NodeSelectorTerm(fields=(require(NAME, "In", "n1"),))),
        PreferredTerm(weight=100, term=NodeSelectorTerm()),
    )
    assert score(preferences, LABELS, "n1") == 25
    assert score(preferences, {}, "n2") == 0
    assert score((), LABELS, "n1") == 0
