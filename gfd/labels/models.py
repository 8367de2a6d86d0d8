"""Choose the GPU model that describes a node with several models.

The original's choice depends on the order of a hash table, so its labels change from run to run. gfd prefers
a model with a GPU that is not in MIG mode, then the model with the most GPUs, then the lowest PCI address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from gfd.labels.products import compose_product
from gfd.labels.syntax import MAX_LENGTH

if TYPE_CHECKING:
    from gfd.inventory.model import Gpu
    from gfd.inventory.sources import DerivedFrom

MAX_MODEL_LENGTH = MAX_LENGTH - len("gpu.count.")
"""Characters left for the product in the key ``gpu.count.<product>``."""


class GpuModel(NamedTuple):
    """The GPUs of one product name, in PCI-address order."""

    name: str
    gpus: tuple[Gpu, ...]

    @property
    def is_full(self) -> bool:
        """Whether any of its GPUs is not in MIG mode."""
        return any(not gpu.is_mig_enabled for gpu in self.gpus)

    @property
    def gpu(self) -> Gpu:
        """The GPU that describes the model: the last one that is not in MIG mode, else the last one."""
        return sorted(self.gpus, key=lambda gpu: not gpu.is_mig_enabled)[-1]


class ModelCount(NamedTuple):
    """The number of GPUs of one product."""

    product: Annotated[str, DerivedFrom("gpus.name")]
    """As the end of a label key."""
    count: Annotated[int, DerivedFrom("gpus")]  # type: ignore[assignment]
    gpus: tuple[Gpu, ...]


def group_by_model(gpus: tuple[Gpu, ...]) -> tuple[GpuModel, ...]:
    """Group ``gpus`` by product name, in the order of each model's first GPU."""
    by_name: dict[str, list[Gpu]] = {}
    for gpu in gpus:
        by_name.setdefault(gpu.name, []).append(gpu)
    return tuple(GpuModel(name=name, gpus=tuple(members)) for name, members in by_name.items())


def choose_model(gpus: tuple[Gpu, ...]) -> GpuModel:
    """Choose the model that describes the node. ``gpus`` must not be empty."""
    return max(group_by_model(gpus), key=lambda model: (model.is_full, len(model.gpus)))


def count_models(gpus: tuple[Gpu, ...]) -> tuple[ModelCount, ...]:
    """Count the GPUs of each model, sorted by product. Return nothing if there is only one model."""
    models = group_by_model(gpus)
    if len(models) < 2:
        return ()
    by_product: dict[str, tuple[Gpu, ...]] = {}
    for model in models:
        product = compose_product(model.name, length=MAX_MODEL_LENGTH)
        by_product[product] = (*by_product.get(product, ()), *model.gpus)
    return tuple(
        ModelCount(product=product, count=len(members), gpus=members)
        for product, members in sorted(by_product.items())
        if product
    )
