"""Find steps that make a node meet a requirement on a label."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import COUNT_LABELS, says_nvidia
from gfd.clusterview.device_counts import GPU, MIG, PRODUCT, is_device
from gfd.clusterview.hardware import is_named_by, measure_distance, parse_product
from gfd.kube.requirements import Requirement
from gfd.labels.products import extract_profile
from gfd.labels.syntax import VENDOR
from gfd.tools.match.fixes.index import is_operators
from gfd.tools.match.fixes.label_values import COUNT, VALUE_STEPS
from gfd.tools.match.fixes.steps import (
    OTHER_HARDWARE,
    OTHER_LABEL,
    REMOVAL,
    SAME,
    Edit,
    Repair,
    replace_requirement,
)
from gfd.tools.match.judge.gpu_labels import find_products
from gfd.tools.match.podspec.scheduling import NAME_FIELD
from gfd.tools.memory_sizes import find_sold_mib

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gfd.clusterview.nodes import Node
    from gfd.tools.match.fixes.index import Alternative, LabelIndex
    from gfd.tools.match.fixes.steps import Step

_PRODUCT = f"{GPU}{PRODUCT}"
_NFD_LABELS = tuple(
    f"feature.node.kubernetes.io/pci-{device}10de.present" for device in ("", "0300_", "0302_")
)
"""NFD's labels for PCI devices of NVIDIA: of any class, and of the classes that GPUs have."""
_NEEDED = ("kubernetes.io/arch", "kubernetes.io/os")
"""Labels that the image depends on."""
_RENAMED = {
    f"{VENDOR}cuda.{old}": f"{VENDOR}cuda.{new}"
    for old, new in (
        ("driver.major", "driver-version.major"),
        ("driver.minor", "driver-version.minor"),
        ("driver.rev", "driver-version.revision"),
        ("runtime.major", "runtime-version.major"),
        ("runtime.minor", "runtime-version.minor"),
    )
}
_RENAMED |= {new: old for old, new in _RENAMED.items()}
NOT_LABELLED = Repair(
    problem="gfd does not run on",
    remedy="there are GPUs, but no label nvidia.com/gpu.product; look at gfd's pods",
)


def find_label_steps(requirement: Requirement, node: Node, index: LabelIndex) -> Iterator[Step]:
    """Yield steps after any one of which the node meets the requirement."""
    key = requirement.key
    value = node.name if key == NAME_FIELD else node.labels.get(key)
    is_labelled = node.name in index.labelled
    yield from _find_other_labels(requirement, node, index, value)
    yield from _translate_cloud_name(requirement, node)
    if value is not None and (find := VALUE_STEPS.get(requirement.operator)):
        yield from find(requirement, value)
    if key.startswith(VENDOR) and not is_labelled:
        if has_gpus(node) and _may_match(requirement, node):
            yield NOT_LABELLED
    elif is_operators(key):
        yield replace_requirement(requirement, None, OTHER_LABEL, why=name_writer(key))
    elif key not in _NEEDED and (value is None or requirement.operator != "In" or not key.startswith(VENDOR)):
        is_hardware = key.startswith(VENDOR) or any(find_products(key, each) for each in requirement.values)
        cost = REMOVAL if is_hardware else SAME if key in COUNT_LABELS else OTHER_LABEL + 0.2
        why = "the limits say how many GPUs the pod needs" if key in COUNT_LABELS else ""
        yield replace_requirement(requirement, None, cost, why, _describe_removal(requirement, value))


def has_gpus(node: Node) -> bool:
    """Return whether a node has GPUs of NVIDIA, by its devices, or by the label of a cloud or of NFD."""
    offered = {**node.capacity, **node.allocatable}
    return any(count and is_device(name) for name, count in offered.items()) or any(
        says_gpu(key, value) for key, value in node.labels.items()
    )


def says_gpu(key: str, value: str) -> bool:
    """Return whether a label of a cloud or of NFD says that a node has GPUs of NVIDIA."""
    return bool(find_products(key, value)) or says_nvidia(key, value) or key in _NFD_LABELS


def _find_other_labels(
    requirement: Requirement, node: Node, index: LabelIndex, value: str | None
) -> Iterator[Edit]:
    """Yield the requirement on another label that the user may have meant."""
    key = requirement.key
    for other in index.find_alternatives(key):
        if other.key in node.labels and other.key != key:
            if other.is_mig:
                yield from _use_mig_label(other, requirement, node)
            elif value is None:
                yield from _use_similar_label(other, requirement, node)
    if value is None:
        yield from _use_gfds_label(requirement, node)


def _use_gfds_label(requirement: Requirement, node: Node) -> Iterator[Edit]:
    """Yield gfd's label with the same meaning, if the node lacks a label of another writer or version."""
    key = requirement.key
    if is_about_any_gpu(requirement) and node.labels.get(COUNT, "0") != "0":
        exists = Requirement(key=COUNT, operator="Exists")
        yield replace_requirement(requirement, exists, SAME, name_writer(key))
    if key in _RENAMED or key in COUNT_LABELS:
        renamed = replace(requirement, key=_RENAMED.get(key, COUNT))
        if renamed.matches(node.labels):
            yield replace_requirement(requirement, renamed, SAME, f"the node has no label {key}")


def is_about_any_gpu(requirement: Requirement) -> bool:
    """Return whether a requirement on another writer's label only says that the node has GPUs of NVIDIA."""
    key, values = requirement.key, requirement.values
    says_gpus = key in (GPU, f"{GPU}.present", *_NFD_LABELS)
    if requirement.operator == "Exists":
        return says_gpus
    if requirement.operator != "In":
        return False
    return (says_gpus and "true" in values) or any(says_nvidia(key, value) for value in values)


def name_writer(key: str) -> str:
    """Return the reason why nodes may lack a label that gfd does not write."""
    if key == GPU:
        return "it is a resource; no program writes such a label"
    if key.startswith(VENDOR):
        return "NVIDIA's GPU operator writes this label, not gfd"
    return "NFD writes this label, not gfd" if key in _NFD_LABELS else "only nodes of a cloud have this label"


def _use_mig_label(other: Alternative, requirement: Requirement, node: Node) -> Iterator[Edit]:
    """Yield the requirement on the label of one MIG profile under the strategy mixed."""
    why = "MIG devices have labels of their own under the strategy mixed"
    renamed = replace(requirement, key=other.key)
    wanted, found = requirement.key, node.labels[other.key]
    if wanted.startswith(MIG) and wanted.partition(".")[0] != other.key.partition(".")[0]:
        return
    if renamed.matches(node.labels):
        edit = replace_requirement(requirement, renamed, SAME, why)
    elif requirement.operator == "In" and any(map(extract_profile, requirement.values)):
        away = min(measure_distance(each, found) for each in requirement.values)
        changed = replace(renamed, values=(found,))
        edit = replace_requirement(requirement, changed, OTHER_HARDWARE + away, why)
    else:
        return
    resource = "" if wanted.startswith(MIG) else other.key.rpartition(".")[0]
    yield replace(edit, resource=resource)


def _use_similar_label(other: Alternative, requirement: Requirement, node: Node) -> Iterator[Edit]:
    """Yield the requirement on a label with a similar name: the user may have misspelled it."""
    renamed = replace(requirement, key=other.key)
    if renamed.matches(node.labels):
        yield replace_requirement(requirement, renamed, other.cost)
    elif requirement.operator == "In":
        for edit in VALUE_STEPS["In"](renamed, node.labels[other.key]):
            changed = replace(renamed, values=(node.labels[other.key],))
            cost = other.cost + edit.cost
            yield replace_requirement(requirement, changed, cost, edit.why, edit.consequence)


def _translate_cloud_name(requirement: Requirement, node: Node) -> Iterator[Edit]:
    """Yield gfd's label, or another label of a cloud, in place of a cloud's label that the node lacks."""
    if requirement.operator != "In" or requirement.key in node.labels:
        return
    meant = [(value, each) for value in requirement.values for each in find_products(requirement.key, value)]
    product = node.labels.get(_PRODUCT)
    instead = (
        [(_PRODUCT, product, (product,))]
        if product
        else [
            (key, value, products)
            for key, value in node.labels.items()
            if (products := find_products(key, value))
        ]
    )
    for key, value, products in instead if meant else ():
        pairs = [(name, one, other) for name, one in meant for other in products]
        name, wanted, found = min(pairs, key=lambda pair: measure_distance(*pair[1:]))
        changed = replace(requirement, key=key, values=(value,))
        if is_named_by(wanted, found):
            why = f"{name} means {wanted}" if name != wanted else f"the node has no label {requirement.key}"
            yield replace_requirement(requirement, changed, SAME, why)
        else:
            cost = OTHER_HARDWARE + measure_distance(wanted, found)
            yield replace_requirement(requirement, changed, cost, f"the node has no label {requirement.key}")


def _may_match(requirement: Requirement, node: Node) -> bool:
    """Return whether gfd's labels may help: not if a cloud's label names a GPU that the pod does not want."""
    known = [each for key, value in node.labels.items() for each in find_products(key, value)]
    return not known or any(_may_have(requirement, each) for each in known)


def _may_have(requirement: Requirement, product: str) -> bool:
    """Return whether a node with this product may have a label of gfd that meets the requirement."""
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if key.endswith(PRODUCT) and operator == "In":
        return any(is_named_by(value, product) for value in values)
    hardware = parse_product(product)
    if key == f"{GPU}.family" and hardware.generation:
        return requirement.matches({key: hardware.generation})
    if key == f"{GPU}.memory" and operator == "Gt" and hardware.sold_gb:
        # MIG and sharing only make it less.
        return requirement.matches({key: str(find_sold_mib(hardware.sold_gb)[1])})
    return True


def _describe_removal(requirement: Requirement, value: str | None) -> str:
    """Return what the pod gets without a requirement on gfd's labels."""
    if not requirement.key.startswith(VENDOR) or value is None:
        return ""
    wanted = " or ".join(requirement.values)
    if requirement.operator == "NotIn":
        return f"{value}, which the pod excludes"
    return f"{value} instead of {wanted}" if wanted else ""
