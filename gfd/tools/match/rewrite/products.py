"""Translate requirements on products: the driver has the name as NVML writes it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, PRODUCT
from gfd.labels.products import SHARED_END, compose_product, extract_model, extract_profile
from gfd.simulation.machines import list_gpu_names
from gfd.tools.claim_templates.attribute_values import PARTIAL_PROFILE, split_profile
from gfd.tools.claim_templates.expressions import ATTRIBUTES, quote
from gfd.tools.match.rewrite.kinds import SHARING, SHARING_STEP
from gfd.tools.match.rewrite.translation import Outcome, Translation, describe, guard, keep, lose

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.rewrite.kinds import DeviceKind

_PATH = f"{ATTRIBUTES}.productName"
_KEY = f"{GPU}{PRODUCT}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductNames:
    """The names of GPUs that are known."""

    in_slices: frozenset[str] = frozenset()
    """The names in ResourceSlices."""
    are_slices_known: bool = False
    """Whether ResourceSlices were compared."""

    def find(self, product: str) -> tuple[tuple[str, ...], bool]:
        """Return NVML's names of a product, and whether they are in ResourceSlices."""
        if names := _find_names(product, self.in_slices):
            return names, True
        return _find_names(product, list_gpu_names()), False

    def explain(self, products: Iterable[str]) -> str:
        """Return where the names of these products come from; empty if all are in ResourceSlices."""
        found = {product: self.find(product) for product in products}
        guessed = [name for names, is_in_slices in found.values() if not is_in_slices for name in names]
        unknown = [extract_model(product) for product, (names, _) in found.items() if not names]
        parts = []
        if guessed:
            parts.append(f"means {', '.join(dict.fromkeys(guessed))} by gfd's table of GPUs")
        if unknown:
            words = ", ".join(dict.fromkeys(unknown))
            parts.append(f"is compared with names of GPUs with - for spaces, since gfd does not know {words}")
        if not parts:
            return ""
        state = "has such a device" if self.are_slices_known else "was compared"
        return f"{' and '.join(parts)} (no ResourceSlice {state})"


def _find_names(product: str, names: Iterable[str]) -> tuple[str, ...]:
    profile = extract_profile(product)
    rest = ("MIG", profile) if profile else ()
    is_shared = product.endswith(SHARED_END)
    return tuple(
        name for name in sorted(names) if compose_product(name, *rest, is_shared=is_shared) == product
    )


def find_profiles(requirements: Collection[Requirement]) -> list[str]:
    """Return the MIG profiles that ``nvidia.com/gpu.product`` may have; empty stands for whole GPUs."""
    found: list[str] | None = None
    for each in requirements:
        if each.key == _KEY and each.operator == "In":
            profiles = list(dict.fromkeys(map(extract_profile, each.values)))
            found = profiles if found is None else [profile for profile in found if profile in profiles]
    return [""] if found is None else found


def is_product_of(key: str, kind: DeviceKind | None) -> bool:
    """Return whether a label names the product of such devices, or of the node's GPUs."""
    return key == _KEY or (kind is not None and key == f"{kind.resource}{PRODUCT}")


def find_values_without_dra(requirement: Requirement) -> tuple[str, ...]:
    """Return the products that the requirement names and no node with DRA has: all but plain models."""
    if requirement.operator != "In" or not requirement.key.endswith(PRODUCT):
        return ()
    has_profile = requirement.key != _KEY
    return tuple(
        value
        for value in requirement.values
        if value.endswith(SHARED_END) or (extract_profile(value) and not has_profile)
    )


def has_value_with_dra(requirement: Requirement) -> bool:
    """Return whether nodes with DRA can have a product that the requirement names."""
    missing = find_values_without_dra(requirement)
    return not missing or len(missing) < len(requirement.values)


def translate_product(requirement: Requirement, kind: DeviceKind | None, names: ProductNames) -> Translation:
    """Return what becomes of a requirement on a product; ``kind`` is None for a pod without devices."""
    if kind is None:
        if has_value_with_dra(requirement):
            return keep(requirement)
        reason = "is left out, since nodes with DRA have only plain models in this label"
        return lose(requirement, reason, f"write {extract_model(requirement.values[0])}")
    if requirement.operator in ("Gt", "Lt"):
        return keep(requirement)
    is_narrowed = requirement.key == _KEY and kind.resource == GPU
    values = [
        value for value in requirement.values if not is_narrowed or extract_profile(value) == kind.profile
    ]
    if requirement.operator == "In" and not values:
        return Translation(outcome=Outcome.CLAIMED, expression="false")
    found = [(value, names.find(value)[0]) for value in values]

    def test(_: Requirement) -> str | None:
        known = list(dict.fromkeys(quote(name) for _, each in found for name in each))
        unknown = list(dict.fromkeys(quote(extract_model(value)) for value, each in found if not each))
        tests = [
            f"{path} == {values[0]}" if len(values) == 1 else f"{path} in [{', '.join(values)}]"
            for path, values in ((_PATH, known), (f"{_PATH}.replace(' ', '-')", unknown))
            if values
        ]
        return tests[0] if len(tests) == 1 else f"({' || '.join(tests)})" if tests else None

    translation = guard(requirement, _PATH, test)
    if requirement.operator == "In" and all(value.endswith(SHARED_END) for value in values):
        reason = f"is in the claim only by its model: {SHARING}"
        remark = describe(requirement, reason, SHARING_STEP, is_lost=True)
    elif kind.is_named_by_product and split_profile(kind.profile)[1]:
        step = f"name a product that ends with -MIG-{kind.profile.partition('c.')[2]}"
        remark = describe(requirement, f"is met by no device: {PARTIAL_PROFILE}", step, is_lost=True)
    elif source := names.explain(values):
        remark = describe(requirement, source, "compare it with productName in a ResourceSlice")
    else:
        return translation
    return Translation(outcome=translation.outcome, expression=translation.expression, remark=remark)
