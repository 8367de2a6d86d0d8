"""What ``gfd select`` is asked of a device, and what labels say of it: one criterion an option."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.clusterview.gpus import GPU, profiles_of
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.labels.products import model_of, models_of, profile_of, shorten, tail_of
from gfd.labels.syntax import VENDOR
from gfd.tools.select.comparisons import read_memory, read_version
from gfd.tools.select.constraints import ANYTHING, Boxes, Numbers, Values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.labels.syntax import Labels


COMPUTE = (f"{GPU}.compute.major", f"{GPU}.compute.minor")
DRIVER = tuple(f"nvidia.com/cuda.driver-version.{part}" for part in ("major", "minor", "revision"))
OLD_DRIVER = tuple(f"nvidia.com/cuda.driver.{part}" for part in ("major", "minor", "rev"))
CUDA = tuple(f"nvidia.com/cuda.runtime-version.{part}" for part in ("major", "minor"))
OLD_CUDA = tuple(f"nvidia.com/cuda.runtime.{part}" for part in ("major", "minor"))
_MEMORY = ".memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked for, as it was written; empty where nothing is."""

    product: str = ""
    mig: str = ""
    """A MIG profile as labels write it."""
    memory: tuple[str, ...] = ()
    compute: tuple[str, ...] = ()
    driver: tuple[str, ...] = ()
    cuda: tuple[str, ...] = ()
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Which labels tell of the device: that of a whole node's, or of a MIG profile's own resource."""

    strategy: str | None
    """The MIG strategy that it is found under; None where a MIG device is not asked for."""
    resource: str
    """The name of its resource, which begins its labels."""

    @property
    def product(self) -> str:
        """The label with its product."""
        return f"{self.resource}.product"


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that is asked."""

    option: str
    text: str
    """What the option was given."""
    boxes: Callable[[Shape], Boxes]
    """What the labels may be."""
    told: Callable[[Shape, Labels], tuple[str, ...]]
    """What a node has there, in the words of the option."""


def shapes_of(wanted: Wanted) -> tuple[Shape, ...]:
    """Return how what is wanted can be found."""
    if not wanted.mig:
        return (Shape(strategy=None, resource=GPU),)
    return (
        Shape(strategy="single", resource=GPU),
        Shape(strategy="mixed", resource=f"{VENDOR}mig-{wanted.mig}"),
    )


def criteria_of(wanted: Wanted, nodes: Sequence[Node] | None) -> tuple[Criterion, ...]:
    """Return what is wanted, one by one; ``nodes`` None: there are none to learn the products from.

    Raises ConfigError for what no label can be.
    """
    known = nodes or ()
    found = []
    if wanted.product:
        found.append(_product(wanted, nodes))
    if wanted.mig:
        found.append(_mig(wanted, nodes))
    if wanted.memory:
        found.append(_memory(wanted.memory))
    for option, texts, keys in (
        ("--compute", wanted.compute, COMPUTE),
        ("--driver", wanted.driver, keys_of(known, DRIVER, OLD_DRIVER)),
        ("--cuda", wanted.cuda, keys_of(known, CUDA, OLD_CUDA)),
    ):
        if texts:
            found.append(_version(option, texts, keys))
    return tuple(found)


def keys_of(nodes: Iterable[Node], new: tuple[str, ...], old: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels with a version: the older names, if a node has no others. Newer nodes have both."""
    is_old = any(old[0] in node.labels and new[0] not in node.labels for node in nodes)
    return old if is_old else new


def is_of_model(product: str, text: str) -> bool:
    """Return whether ``text`` stands in a product, whatever the case, but for half a number.

    A100 stands in NVIDIA-A100-SXM4-40GB, A10 does not: that is another model, and so is L40 in L40S.
    """
    before = r"(?<![0-9])" if text[:1].isdigit() else ""
    after = r"(?![0-9A-Za-z])" if text[-1:].isdigit() else ""
    return re.search(f"{before}{re.escape(text)}{after}", product, re.IGNORECASE) is not None


def names(text: str, product: str) -> bool:
    """Return whether ``text`` names a product, or names a model of which the product lacks words."""
    text, tail = "-".join(text.split()), tail_of(product)
    if any(is_of_model(model + tail, text) for model in models_of(product)):
        return True
    return shorten(model_of(text), tail_of(text) or tail) == product


def _product(wanted: Wanted, nodes: Sequence[Node] | None) -> Criterion:
    text = wanted.product
    # Who names a model means all of it, unless a part is asked for.
    is_part = bool(wanted.mig) or "-mig-" in text.lower()

    def boxes(shape: Shape) -> Boxes:
        if nodes is None:
            ending = f"-MIG-{wanted.mig}" if wanted.mig and not profile_of(text) else ""
            return _one_of(shape.product, {shorten(model_of(text), ending + tail_of(text))})
        products = {node.labels.get(shape.product, "") for node in nodes}
        named = {each for each in products if names(text, each) and (is_part or not profile_of(each))}
        return _one_of(shape.product, named)

    return Criterion(option="--product", text=text, boxes=boxes, told=_told_product)


def _mig(wanted: Wanted, nodes: Sequence[Node] | None) -> Criterion:
    def boxes(shape: Shape) -> Boxes:
        if wanted.product and (nodes is None or shape.strategy == "mixed"):
            return ANYTHING  # the product says it
        if shape.strategy == "mixed":
            return ({f"{shape.resource}.count": Numbers(least=1)},)
        products = {node.labels.get(shape.product, "") for node in nodes or ()}
        return _one_of(shape.product, {each for each in products if profile_of(each) == wanted.mig})

    return Criterion(option="--mig", text=wanted.mig, boxes=boxes, told=_told_profiles)


def _memory(texts: tuple[str, ...]) -> Criterion:
    found = _checked("--memory", lambda: read_memory(texts, _MEMORY))

    def boxes(shape: Shape) -> Boxes:
        return tuple({f"{shape.resource}{key}": condition for key, condition in box.items()} for box in found)

    def told(shape: Shape, labels: Labels) -> tuple[str, ...]:
        mib = labels.get(shape.resource + _MEMORY)
        return (f"{mib}Mi",) if mib else ()

    return Criterion(option="--memory", text=",".join(texts), boxes=boxes, told=told)


def _version(option: str, texts: tuple[str, ...], keys: tuple[str, ...]) -> Criterion:
    found = _checked(option, lambda: read_version(texts, keys))

    def told(_: Shape, labels: Labels) -> tuple[str, ...]:
        version = ".".join(filter(None, (labels.get(key) for key in keys)))
        return (version,) if version else ()

    return Criterion(option=option, text=",".join(texts), boxes=lambda _: found, told=told)


def _checked(option: str, read: Callable[[], Boxes]) -> Boxes:
    try:
        return read()
    except ValueError as error:
        raise ConfigError(option, COMMAND_LINE, str(error)) from None


def _one_of(key: str, texts: set[str]) -> Boxes:
    return ({key: Values(texts=frozenset(texts))},) if texts else ()


def _told_product(shape: Shape, labels: Labels) -> tuple[str, ...]:
    product = labels.get(shape.product)
    return (product,) if product else ()


def _told_profiles(shape: Shape, labels: Labels) -> tuple[str, ...]:
    profile = profile_of(labels.get(f"{GPU}.product", ""))
    under_single = (profile,) if profile else ()
    return tuple(sorted({*under_single, *profiles_of(labels)}))
