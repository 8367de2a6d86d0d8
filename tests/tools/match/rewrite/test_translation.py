"""A requirement on labels and its CEL mean the same: on each device of a node, and for each operator."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.dra.model import Device
from gfd.clusterview.dra.nvidia_slices import make_slices
from gfd.clusterview.dra.slices import read_slice
from gfd.kube.requirements import Requirement
from gfd.labels.syntax import Labels
from gfd.tools.claim_templates.attribute_values import list_architectures
from gfd.tools.match.cel import compile_expression
from gfd.tools.match.podspec.scheduling import NodeSelectorTerm, SchedulingSpec
from gfd.tools.match.rewrite.kinds import DeviceKind
from gfd.tools.match.rewrite.knowledge import Knowledge
from gfd.tools.match.rewrite.products import ProductNames
from gfd.tools.match.rewrite.selection import DeviceSelection, divide
from tests.test_golden import label, read

GPU = "nvidia.com/gpu"

MACHINES = {
    "dgx-h100": ("all-disabled", "none", GPU),
    "dgx-a100": ("all-disabled", "none", GPU),
    "rtx-6000-ada": ("all-disabled", "none", GPU),
    "dgx-spark": ("all-disabled", "none", GPU),
    "v100": ("all-disabled", "none", GPU),
    "a30": ("all-1g.6gb", "mixed", "nvidia.com/mig-1g.6gb"),
}
DEVICE_FACTS = (
    "product",
    "memory",
    "family",
    "compute.major",
    "compute.minor",
    "multiprocessors",
    "count",
    *(f"engines.{each}" for each in ("copy", "decoder", "encoder", "jpeg", "ofa")),
)
KEPT_OF_GPU = tuple(each for each in DEVICE_FACTS if "engines" in each or each == "multiprocessors")
"""The driver tells them of MIG devices only."""
OF_GPU_ONLY = ("family", "compute.major", "compute.minor")
"""No label of a MIG device has them."""
VERSIONS = (
    *(f"cuda.driver-version.{part}" for part in ("full", "major", "minor", "revision")),
    *(f"cuda.driver.{part}" for part in ("major", "minor", "rev")),
    *(f"cuda.runtime-version.{part}" for part in ("full", "major", "minor")),
    *(f"cuda.runtime.{part}" for part in ("major", "minor")),
)


@cache
def find_node(machine: str) -> tuple[Labels, Device, str]:
    """Return the labels of a machine with a device plugin, its first device in slices, and the resource."""
    layout, strategy, resource = MACHINES[machine]
    inventory = read(machine, layout)
    device = read_slice(make_slices(inventory, "node")[0]).devices[0]
    return label(inventory, strategy), device, resource


def list_devices() -> list[Device]:
    return [find_node(machine)[1] for machine in MACHINES]


@cache
def learn(*, are_slices_known: bool) -> Knowledge:
    devices = list_devices() if are_slices_known else []
    names = ProductNames(
        in_slices=frozenset(each.text("productName") for each in devices), are_slices_known=are_slices_known
    )
    return Knowledge(names=names, architectures=list_architectures(devices))


def accepts(selection: DeviceSelection, resource: str, device: Device) -> bool:
    """Return whether a claim accepts the device, as the scheduler decides."""
    return any(
        DeviceKind(resource=resource, profile=choice.kind.profile).device_class.partition(".")[0]
        == device.text("type")
        and all(compile_expression(each).matches(device) for each in choice.expressions)
        for choice in selection.choices[resource]
    )


def keeps(spec: SchedulingSpec, selection: DeviceSelection, labels: Labels) -> bool:
    """Return whether the labels meet what stays of nodeSelector and nodeAffinity."""
    if not all(each.matches(labels) for each in spec.node_selector if each.key in selection.kept_labels):
        return False
    terms = spec.terms or ()
    return not selection.kept_terms or any(
        all(terms[term.number].expressions[each].matches(labels) for each in term.expressions)
        for term in selection.kept_terms
    )


def list_keys(resource: str) -> list[str]:
    return [*(f"{resource}.{each}" for each in DEVICE_FACTS), *(f"nvidia.com/{each}" for each in VERSIONS)]


def list_requirements(machine: str) -> list[Requirement]:
    """Return requirements with each operator on each label, with values of this machine and of others."""
    labels, _, resource = find_node(machine)
    found = []
    for key in list_keys(resource):
        values = [find_node(each)[0].get(key, "7") for each in MACHINES]
        others = [each for each in dict.fromkeys((*values, "99")) if each != labels.get(key)]
        own = labels.get(key, "7")
        number = int(own) if own.isdecimal() else 7
        around = (max(0, number - 1), number, number + 1)
        found += [
            Requirement(key=key, operator=operator, values=each, line=1)
            for operator, each in (
                *((name, ()) for name in ("Exists", "DoesNotExist")),
                *((name, (own,)) for name in ("In", "NotIn")),
                *((name, tuple(others)) for name in ("In", "NotIn")),
                *((name, (own, *others)) for name in ("In", "NotIn")),
                *((name, (str(each),)) for name in ("Gt", "Lt") for each in around),
            )
        ]
    return found


@pytest.mark.parametrize("are_slices_known", [True, False])
@pytest.mark.parametrize("machine", MACHINES)
def test_each_requirement_means_the_same_as_its_expression(machine: str, are_slices_known: bool) -> None:
    labels, device, resource = find_node(machine)
    claimed = set()
    for requirement in list_requirements(machine):
        spec = SchedulingSpec(terms=(NodeSelectorTerm(expressions=(requirement,)),))
        selection = divide(spec, [resource], learn(are_slices_known=are_slices_known))
        assert not any(remark.is_lost for remark in selection.remarks)
        found = keeps(spec, selection, labels) and accepts(selection, resource, device)
        assert found == requirement.matches(labels), requirement
        if selection.kept_terms == ():
            claimed.add(requirement.key)
    # All other requirements are in the claim, so that pods need no labels for them.
    assert {key for key in list_keys(resource) if key not in claimed} == {
        f"{resource}.{each}" for each in (KEPT_OF_GPU if resource == GPU else OF_GPU_ONLY)
    }


@st.composite
def selections(draw: st.DrawFn) -> tuple[str, SchedulingSpec, bool]:
    """Draw a machine, and a pod with terms of which one may match."""
    machine = draw(st.sampled_from(sorted(MACHINES)))
    requirements = st.sampled_from(list_requirements(machine))
    terms = draw(
        st.lists(
            st.lists(requirements, min_size=1, max_size=3).map(
                lambda drawn: NodeSelectorTerm(expressions=tuple(drawn))
            ),
            min_size=1,
            max_size=3,
        )
    )
    selector = tuple(
        Requirement(key=each.key, operator="In", values=each.values[:1], line=1, is_shorthand=True)
        for each in draw(st.lists(requirements.filter(lambda each: each.operator == "In"), max_size=1))
    )
    return machine, SchedulingSpec(node_selector=selector, terms=tuple(terms)), draw(st.booleans())


@given(selections())
def test_claim_and_what_stays_mean_the_same(drawn: tuple[str, SchedulingSpec, bool]) -> None:
    machine, spec, are_slices_known = drawn
    labels, device, resource = find_node(machine)
    selection = divide(spec, [resource], learn(are_slices_known=are_slices_known))
    if any(remark.is_lost for remark in selection.remarks):
        return
    is_match = keeps(spec, selection, labels) and accepts(selection, resource, device)
    expected = all(each.matches(labels) for each in spec.node_selector) and any(
        term.matches(labels, "") for term in spec.terms or ()
    )
    assert is_match == expected, [choice.expressions for choice in selection.choices[resource]]
