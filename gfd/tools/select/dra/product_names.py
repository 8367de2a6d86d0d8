"""Find NVML's names of the products that a user means: from ResourceSlices, else from gfd's own tables.

ResourceSlices hold the name as NVML writes it, ``NVIDIA H100 80GB HBM3``; a label cannot have its spaces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.labels.products import SHARED_END, compose_product, extract_model
from gfd.simulation.machines import list_gpu_names
from gfd.text import find_closest
from gfd.tools.select.product_names import find_products

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedProduct:
    """A value of --product, and the names of the GPUs that it means."""

    text: str
    names: tuple[str, ...]
    source: str
    """Where the names come from, if that is not the ResourceSlices: a note for people; else empty."""


def find_names(text: str, found: Iterable[str], *, is_exact: bool) -> NamedProduct:
    """Return the names that ``text`` means among those ``found`` in ResourceSlices, else in gfd's tables.

    ``is_exact`` takes the text itself as the name if neither has it. Raises ConfigError.
    """
    if extract_model(text) != text:
        is_shared = text.upper().endswith(SHARED_END)
        kind = "devices that pods share" if is_shared else "MIG devices"
        advice = (
            f"write {extract_model(text)}, since a ResourceClaim takes whole devices"
            if is_shared
            else f"write --product {extract_model(text)} and --mig-profile"
        )
        raise ConfigError("--product", COMMAND_LINE, f"{text!r} names {kind}; with --dra, {advice}")
    slices = set(found)
    if names := _find_among(text, slices):
        return NamedProduct(text=text, names=names, source="")
    if names := _find_among(text, list_gpu_names()):
        where = "no ResourceSlice has such a device" if slices else "no ResourceSlice was compared"
        note = f"{where}; gfd's table of GPUs says what {text} means: {', '.join(names)}"
        return NamedProduct(text=text, names=names, source=note)
    if is_exact:
        note = f"gfd does not know the GPU {text}; compare the name with productName in a ResourceSlice"
        return NamedProduct(text=text, names=(text,), source=note)
    closest = find_closest(text, sorted({*slices, *list_gpu_names()}))
    hint = f"did you mean {closest!r}? If not" if closest else "for another GPU"
    reason = (
        f"neither a ResourceSlice nor gfd's table of GPUs has {text!r}; {hint}, add "
        "--without-nodes, and write the name as nvidia-smi does"
    )
    raise ConfigError("--product", COMMAND_LINE, reason)


def _find_among(text: str, names: Iterable[str]) -> tuple[str, ...]:
    by_product: dict[str, list[str]] = {}
    for name in sorted(names):
        by_product.setdefault(compose_product(name), []).append(name)
    return tuple(name for each in sorted(find_products(text, by_product)) for name in by_product[each])
