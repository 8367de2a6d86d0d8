"""The criterion for the product of a device."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import find_cloud_name
from gfd.clusterview.device_counts import GPU, is_product
from gfd.clusterview.hardware import measure_distance
from gfd.labels.products import (
    INVALID,
    SHARED_END,
    extract_model,
    extract_profile,
    extract_suffix,
    shorten_product,
)
from gfd.text import join_words
from gfd.tools.select.criterion import Criterion, describe_absent, one_of
from gfd.tools.select.product_names import explain_form, find_products, is_meant, list_cloud_products

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.select.constraints import AnyOf
    from gfd.tools.select.query import DeviceQuery, DeviceResource


def build_product(query: DeviceQuery, nodes: Sequence[Node] | None) -> Criterion:
    """Return the criterion for --product."""
    # Only a model, without MIG, means full GPUs and not MIG devices of that model.
    is_mig = query.is_mig or any("-mig-" in text.lower() for text in query.products)
    notes = tuple(
        f"{text} stands for {join_words(models)}"
        for text in query.products
        if (models := list_cloud_products(text)) and not _is_part_of_all(text, models)
    )

    offered = {value for node in nodes or () for key, value in node.labels.items() if is_product(key)}
    absent = (each for each in query.products if not find_products(each, offered))

    def find(products: set[str]) -> set[str]:
        return {each for text in query.products for each in find_products(text, products)}

    def constraints(resource: DeviceResource) -> AnyOf:
        if nodes is None:
            endings = [f"-MIG-{resource.profile}"] if resource.profile else _list_endings(query)
            return one_of(
                resource.product_label,
                {_complete(each, ending) for each in _name_products(query) for ending in endings},
            )
        products = {node.labels.get(resource.product_label, "") for node in nodes}
        matching = {
            each for each in find(products) if is_meant(each, is_mig=is_mig, is_shared=query.wants_shared)
        }
        return one_of(resource.product_label, matching)

    def read_values(resource: DeviceResource, labels: Labels) -> tuple[str, ...]:
        product = labels.get(resource.product_label)
        return (product,) if product else ()

    def measure(value: str) -> tuple[float, ...]:
        if find({value}):
            return (0.0,)
        return (1 + min(measure_distance(each, value) for each in _name_products(query)),)

    return Criterion(
        option="--product",
        texts=query.products,
        constraints=constraints,
        read_values=read_values,
        measure=measure,
        advise=lambda with_gpus: _advise(query, with_gpus, find, "; ".join(notes)),
        notes=(*notes, *describe_absent(absent, query.products, nodes)),
        names_device=True,
    )


def _advise(
    query: DeviceQuery, with_gpus: Sequence[Node], find: Callable[[set[str]], set[str]], notes: str
) -> str:
    """Return what to do if no node has the product as the query means it; ``find`` finds its products."""
    products = {node.labels.get(f"{GPU}.product", "") for node in with_gpus}
    found = find(products)
    profiles = sorted({extract_profile(each) for each in found} - {"", INVALID})
    if profiles and not query.is_mig:
        return f"MIG divides it: add --mig-profile {' or --mig-profile '.join(profiles)}"
    if found and all(each.endswith(SHARED_END) for each in found):
        return "several pods share each of its GPUs: add --shared if that is enough"
    for node in with_gpus:
        name = find_cloud_name(node.labels)
        if f"{GPU}.product" not in node.labels and find(set(list_cloud_products(name))):
            return f"{node.name} has {name} by its cloud's label, but gfd has not labelled it"
    forms = [explain_form(text, products) for text in query.products]
    return "; ".join(filter(None, [*forms, "" if found else notes]))


def _name_products(query: DeviceQuery) -> tuple[str, ...]:
    """Return the products that the user names; for a cloud's name those that it stands for."""
    return tuple(each for text in query.products for each in list_cloud_products(text) or (text,))


def _is_part_of_all(text: str, products: Sequence[str]) -> bool:
    return all(text.lower() in each.lower() for each in products)


def _list_endings(query: DeviceQuery) -> list[str]:
    return [f"-MIG-{each}" for each in query.mig_profiles] or [""]


def _complete(product: str, ending: str) -> str:
    """Return the label's value for an exact product, with a MIG profile unless it has one."""
    added = "" if extract_profile(product) else ending
    return shorten_product(extract_model(product), added + extract_suffix(product))
