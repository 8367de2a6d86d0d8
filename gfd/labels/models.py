"""Which of a node's GPU models its labels speak of.

On a node with several models the original lets the order of a hash table decide, and its labels flap.
Here the order is: models with a GPU that is not in MIG mode, then the model with most GPUs, then the one
with the lowest PCI address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from gfd.labels.products import compose_product
from gfd.labels.syntax import MAX_LENGTH

if TYPE_CHECKING:
    from gfd.inventory.model import DerivedFrom, Gpu

MAX_MODEL_LENGTH = MAX_LENGTH - len("gpu.count.")
"""What the name of a key leaves for the product."""


class GpuModel(NamedTuple):
    """The GPUs of one product name, in PCI-address order."""

    name: str
    gpus: tuple[Gpu, ...]

    @property
    def is_full(self) -> bool:
        """Whether any of them is offered whole."""
        return any(not gpu.is_mig_enabled for gpu in self.gpus)

    @property
    def gpu(self) -> Gpu:
        """The GPU that describes the model: the last one, of those not in MIG mode if there are any."""
        return sorted(self.gpus, key=lambda gpu: not gpu.is_mig_enabled)[-1]


class ModelCount(NamedTuple):
    """How many GPUs of a product a node has."""

    product: Annotated[str, DerivedFrom("gpus.name")]
    """Fit for the end of a label key."""
    count: Annotated[int, DerivedFrom("gpus")]  # type: ignore[assignment]
    gpus: tuple[Gpu, ...]


def group_by_model(gpus: tuple[Gpu, ...]) -> tuple[GpuModel, ...]:
    """Return the models among ``gpus``, in order of their first GPU."""
    by_name: dict[str, list[Gpu]] = {}
    for gpu in gpus:
        by_name.setdefault(gpu.name, []).append(gpu)
    return tuple(GpuModel(name=name, gpus=tuple(members)) for name, members in by_name.items())


def choose_model(gpus: tuple[Gpu, ...]) -> GpuModel:
    """Return the model that the node's labels speak of; ``gpus`` must not be empty."""
    return max(group_by_model(gpus), key=lambda model: (model.is_full, len(model.gpus)))


def count_models(gpus: tuple[Gpu, ...]) -> tuple[ModelCount, ...]:
    """Return a count for every model where there are several, by product; else nothing."""
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
