"""Say what a pod gets instead of the device that it asks for: another model, a MIG slice, a shared GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import (
    GPU,
    MIG,
    PRODUCT,
    SHARED,
    extract_mig_profile,
    is_device,
    is_product,
)
from gfd.clusterview.hardware import is_named_by, measure_distance, parse_product, read_profile_gb
from gfd.kube.requirements import parse_integer
from gfd.labels.products import INVALID, extract_model, extract_profile
from gfd.tools.match.judge.gpu_labels import find_products
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from gfd.clusterview.nodes import Node
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """A device: the one that a pod asks for, or the one that it gets. What is unknown is empty."""

    product: str
    profile: str
    is_shared: bool


def describe_substitution(
    spec: SchedulingSpec, edited: SchedulingSpec, node: Node, shown: str = "", named: str = ""
) -> str:
    """Return what the edited pod gets on ``node`` instead of what the pod asks for; empty if nothing else.

    Do not repeat the product if ``shown``, the text of the edits, has it. ``named`` is the product of the
    node that the pod names; it counts if the pod names no product.
    """
    found = _find_device(edited, node)
    wanted = _find_wanted(spec, found.product, named)
    if not found.product and not found.profile:
        is_dropped = bool(wanted.product) and not find_wanted_products(edited)
        return f"a GPU of an unknown model instead of {_name(wanted)}" if is_dropped else ""
    if not wanted.product or not found.product or is_named_by(wanted.product, found.product):
        parts = [_compare_same(wanted, found)]
    elif found.product in shown:
        chips = [parse_product(each.product).chip for each in (wanted, found)]
        model = f"another {chips[0]} model" if chips[0] and chips[0] == chips[1] else "another model"
        parts = [model, _compare_sizes(wanted, found)]
    else:
        parts = [f"{_name(found)} instead of {_name(wanted)}"]
    if found.is_shared and not wanted.is_shared:
        parts.append(_describe_sharing(edited, node))
    if wanted.is_shared and not found.is_shared:
        parts.append("a device of its own instead of a shared one")
    return ", ".join(filter(None, parts))


def is_worthless(spec: SchedulingSpec, edited: SchedulingSpec, node: Node) -> bool:
    """Return whether the edited pod gets several parts of GPUs instead of several whole GPUs.

    A program uses one MIG device, and several shares may be of one GPU.
    """
    resource = find_device_resource(edited)
    found = _find_device(edited, node)
    wanted = _find_wanted(spec, found.product)
    is_part = (found.profile and not wanted.profile) or (found.is_shared and not wanted.is_shared)
    return bool(is_part) and edited.requests.get(resource, 0) > 1


def find_wanted_products(spec: SchedulingSpec) -> tuple[str, ...]:
    """Return the products that a pod asks for, also by a cloud's name; empty if it names none."""
    found: list[str] = []
    for each in spec.requirements():
        if each.operator == "In":
            for value in each.values:
                found += (value,) if is_product(each.key) else find_products(each.key, value)
    return tuple(dict.fromkeys(found))


def find_device_resource(spec: SchedulingSpec) -> str:
    """Return the first kind of GPU or MIG device that a pod requests; empty if it requests none."""
    names = (name for name, count in spec.requests.items() if count and is_device(name))
    return next(names, "")


def read_product(node: Node, resource: str) -> str:
    """Return the product of a node's devices by its labels; empty if unknown."""
    base = resource.removesuffix(SHARED) or GPU
    if product := node.labels.get(f"{base}{PRODUCT}"):
        return product
    model = node.labels.get(f"{GPU}{PRODUCT}", "")
    if base.startswith(MIG) and model:
        return f"{extract_model(model)}-MIG-{base.removeprefix(MIG)}"
    named = [product for key, value in node.labels.items() for product in find_products(key, value)]
    return model or next(iter(named), "")


def _find_device(spec: SchedulingSpec, node: Node) -> _Device:
    resource = find_device_resource(spec)
    product = read_product(node, resource)
    return _Device(
        product=product,
        profile=extract_profile(product) or extract_mig_profile(resource),
        is_shared=bool(resource) and _is_shared(node, resource, product),
    )


def _find_wanted(spec: SchedulingSpec, found: str, named: str = "") -> _Device:
    """Return the device that a pod asks for: of several products the one nearest to ``found``."""
    products = sorted(find_wanted_products(spec) or (named,), key=lambda each: measure_distance(each, found))
    product, resource = next(iter(products), ""), find_device_resource(spec)
    return _Device(
        product=product,
        profile=extract_profile(product) or extract_mig_profile(resource),
        is_shared=parse_product(product).is_shared or resource.endswith(SHARED),
    )


def _is_shared(node: Node, resource: str, product: str) -> bool:
    replicas = parse_integer(node.labels.get(f"{resource.removesuffix(SHARED)}.replicas", ""))
    return resource.endswith(SHARED) or parse_product(product).is_shared or (replicas or 1) > 1


def _describe_sharing(spec: SchedulingSpec, node: Node) -> str:
    base = find_device_resource(spec).removesuffix(SHARED)
    how = "shared through MPS" if node.labels.get(f"{base}.sharing-strategy") == "mps" else "time-shared"
    replicas = parse_integer(node.labels.get(f"{base}.replicas", "")) or 1
    others = replicas - 1
    number = f"up to {pluralize(others, 'other pod')}" if others > 0 else "other pods"
    return f"{how} with {number}"


def _compare_same(wanted: _Device, found: _Device) -> str:
    """Return what distinguishes two devices of one model: the MIG profile."""
    if wanted.profile == found.profile:
        return ""
    if wanted.profile and read_profile_gb(wanted.profile) == read_profile_gb(found.profile):
        return f"{found.profile} slice instead of {wanted.profile} slice"
    sold_gb = parse_product(wanted.product).sold_gb or parse_product(found.product).sold_gb
    whole = f"{sold_gb} GB" if sold_gb else "a whole GPU"
    if not found.profile:
        return f"a whole GPU{f' of {whole}' if sold_gb else ''} instead of a {_name_slice(wanted.profile)}"
    return (
        f"{_name_slice(found.profile)} instead of {_name_slice(wanted.profile) if wanted.profile else whole}"
    )


def _compare_sizes(wanted: _Device, found: _Device) -> str:
    """Return the difference in memory of two devices of different models; empty if it is not known."""
    sizes = []
    for device in (found, wanted):
        sold_gb = parse_product(device.product).sold_gb
        sizes.append(_name_slice(device.profile) if device.profile else f"{sold_gb} GB" if sold_gb else "")
    return f"{sizes[0]} instead of {sizes[1]}" if all(sizes) and sizes[0] != sizes[1] else ""


def _name_slice(profile: str) -> str:
    if profile == INVALID:
        return "MIG layout that no pod can use"
    memory_gb = read_profile_gb(profile)
    return f"{memory_gb} GB slice" if memory_gb else f"{profile} slice"


def _name(device: _Device) -> str:
    """Return the name of a device with its memory: ``Tesla-T4 (16 GB)``, ``5 GB slice of …``."""
    model = extract_model(device.product)
    if device.profile:
        return f"{_name_slice(device.profile)} of {model}"
    sold_gb = parse_product(device.product).sold_gb
    return f"{model} ({sold_gb} GB)" if sold_gb and f"{sold_gb}GB" not in model else model
