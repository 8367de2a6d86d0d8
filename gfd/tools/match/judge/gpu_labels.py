"""Find out which GPUs a label of a cloud, or a label of a cluster's own such as ``gpu-type``, stands for."""

from __future__ import annotations

from gfd.clusterview import cloud_names
from gfd.clusterview.hardware import parse_product
from gfd.labels.syntax import VENDOR

_WORDS = ("gpu", "accelerator")
"""A label with one of these words in its key, and a GPU in its value, is about the GPU of a node."""


def find_products(key: str, value: str) -> tuple[str, ...]:
    """Return the products that a node with this label may have; empty if the label does not name a GPU.

    For a cluster's own label, such as ``gpu-type: a100``, the value itself stands for the product.
    """
    if key.startswith(VENDOR):
        return ()
    if found := cloud_names.find_products(key, value):
        return found
    is_named = any(word in key.lower() for word in _WORDS) and parse_product(value).chip
    return (value,) if is_named else ()
