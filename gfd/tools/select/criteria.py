"""Turn the properties of a device into constraints on labels: one criterion for each option."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.clusterview.gpus import read_profiles
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.labels.products import (
    extract_model,
    extract_profile,
    extract_suffix,
    list_possible_models,
    shorten_product,
)
from gfd.tools.select.comparisons import read_memory, read_version
from gfd.tools.select.constraints import ANYTHING, AnyOf, Choice, Range

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels
    from gfd.tools.select.query import DeviceQuery, DeviceResource


COMPUTE = (f"{GPU}.compute.major", f"{GPU}.compute.minor")
DRIVER = tuple(f"nvidia.com/cuda.driver-version.{part}" for part in ("major", "minor", "revision"))
OLD_DRIVER = tuple(f"nvidia.com/cuda.driver.{part}" for part in ("major", "minor", "rev"))
CUDA = tuple(f"nvidia.com/cuda.runtime-version.{part}" for part in ("major", "minor"))
OLD_CUDA = tuple(f"nvidia.com/cuda.runtime.{part}" for part in ("major", "minor"))
_MEMORY = ".memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One option, and its constraints on labels."""

    option: str
    text: str
    """The option's value."""
    constraints: Callable[[DeviceResource], AnyOf]
    """Returns the constraints on the labels that describe a resource."""
    read_values: Callable[[DeviceResource, Labels], tuple[str, ...]]
    """Returns the values of a node with these labels, in the form of the option's value."""

    def __str__(self) -> str:
        """Return the option with its value."""
        return f"{self.option} {self.text!r}"


def build_criteria(query: DeviceQuery, nodes: Sequence[Node] | None) -> tuple[Criterion, ...]:
    """Return a criterion for each option; ``nodes`` is None if they are unknown.

    Raises ConfigError for a value that no label can have.
    """
    known = nodes or ()
    found = []
    if query.product:
        found.append(_build_product(query, nodes))
    if query.mig:
        found.append(_build_mig(query, nodes))
    if query.memory:
        found.append(_build_memory(query.memory))
    for option, texts, keys in (
        ("--compute", query.compute, COMPUTE),
        ("--driver", query.driver, choose_keys(known, DRIVER, OLD_DRIVER)),
        ("--cuda", query.cuda, choose_keys(known, CUDA, OLD_CUDA)),
    ):
        if texts:
            found.append(_build_version(option, texts, keys))
    return tuple(found)


def choose_keys(nodes: Iterable[Node], new: tuple[str, ...], old: tuple[str, ...]) -> tuple[str, ...]:
    """Return the version labels that all nodes have: the old ones if a node has no new ones."""
    is_old = any(old[0] in node.labels and new[0] not in node.labels for node in nodes)
    return old if is_old else new


def contains_model(product: str, text: str) -> bool:
    """Return whether a product contains ``text``, in any case, but not as a part of a model number.

    NVIDIA-A100-SXM4-40GB contains A100. It does not contain A10, which is another model, and L40S does not
    contain L40.
    """
    before = r"(?<![0-9])" if text[:1].isdigit() else ""
    after = r"(?![0-9A-Za-z])" if text[-1:].isdigit() else ""
    return re.search(f"{before}{re.escape(text)}{after}", product, re.IGNORECASE) is not None


def matches_product(text: str, product: str) -> bool:
    """Return whether ``text`` is a part of a product, or of the long name that the product is cut from."""
    text, tail = "-".join(text.split()), extract_suffix(product)
    if any(contains_model(model + tail, text) for model in list_possible_models(product)):
        return True
    return shorten_product(extract_model(text), extract_suffix(text) or tail) == product


def _build_product(query: DeviceQuery, nodes: Sequence[Node] | None) -> Criterion:
    text = query.product
    # Only a model, without MIG, means full GPUs and not MIG devices of that model.
    is_mig = bool(query.mig) or "-mig-" in text.lower()

    def constraints(resource: DeviceResource) -> AnyOf:
        if nodes is None:
            ending = f"-MIG-{query.mig}" if query.mig and not extract_profile(text) else ""
            return _one_of(
                resource.product_label, {shorten_product(extract_model(text), ending + extract_suffix(text))}
            )
        products = {node.labels.get(resource.product_label, "") for node in nodes}
        matching = {
            each for each in products if matches_product(text, each) and (is_mig or not extract_profile(each))
        }
        return _one_of(resource.product_label, matching)

    return Criterion(option="--product", text=text, constraints=constraints, read_values=_read_product)


def _build_mig(query: DeviceQuery, nodes: Sequence[Node] | None) -> Criterion:
    def constraints(resource: DeviceResource) -> AnyOf:
        if query.product and (nodes is None or resource.strategy == "mixed"):
            return ANYTHING  # the product's label contains the profile
        if resource.strategy == "mixed":
            return ({f"{resource.name}.count": Range(least=1)},)
        products = {node.labels.get(resource.product_label, "") for node in nodes or ()}
        return _one_of(
            resource.product_label, {each for each in products if extract_profile(each) == query.mig}
        )

    return Criterion(option="--mig", text=query.mig, constraints=constraints, read_values=_read_profiles)


def _build_memory(texts: tuple[str, ...]) -> Criterion:
    found = _read_option("--memory", lambda: read_memory(texts, _MEMORY))

    def constraints(resource: DeviceResource) -> AnyOf:
        return tuple({f"{resource.name}{key}": value for key, value in each.items()} for each in found)

    def read_values(resource: DeviceResource, labels: Labels) -> tuple[str, ...]:
        mib = labels.get(resource.name + _MEMORY)
        return (f"{mib}Mi",) if mib else ()

    return Criterion(
        option="--memory", text=",".join(texts), constraints=constraints, read_values=read_values
    )


def _build_version(option: str, texts: tuple[str, ...], keys: tuple[str, ...]) -> Criterion:
    found = _read_option(option, lambda: read_version(texts, keys))

    def read_values(_: DeviceResource, labels: Labels) -> tuple[str, ...]:
        version = ".".join(filter(None, (labels.get(key) for key in keys)))
        return (version,) if version else ()

    return Criterion(
        option=option, text=",".join(texts), constraints=lambda _: found, read_values=read_values
    )


def _read_option(option: str, read: Callable[[], AnyOf]) -> AnyOf:
    try:
        return read()
    except ValueError as error:
        raise ConfigError(option, COMMAND_LINE, str(error)) from None


def _one_of(key: str, texts: set[str]) -> AnyOf:
    return ({key: Choice(texts=frozenset(texts))},) if texts else ()


def _read_product(resource: DeviceResource, labels: Labels) -> tuple[str, ...]:
    product = labels.get(resource.product_label)
    return (product,) if product else ()


def _read_profiles(_: DeviceResource, labels: Labels) -> tuple[str, ...]:
    profile = extract_profile(labels.get(f"{GPU}.product", ""))
    of_single = (profile,) if profile else ()
    return tuple(sorted({*of_single, *read_profiles(labels)}))
