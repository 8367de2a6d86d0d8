"""Find the products that a user means: by a part of the name, by its words, or by a cloud's name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.clusterview.cloud_names import find_products_by_name
from gfd.labels.products import (
    SHARED_END,
    extract_model,
    extract_profile,
    extract_suffix,
    list_possible_models,
    shorten_product,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_VENDOR_WORDS = ("nvidia", "tesla", "gpu")
"""Words that newer or older drivers leave out."""
_FORM = re.compile(r"sxm[0-9]?|pcie|nvl|hgx|dgx", re.IGNORECASE)
"""Matches words for the form of a card; only some product names have them."""
_LINK = re.compile(r"nvlink|nvswitch|infiniband|rdma", re.IGNORECASE)
"""Matches words for connections between GPUs; no product name has them."""


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


def find_products(text: str, products: Iterable[str]) -> set[str]:
    """Return those of ``products`` that ``text`` means.

    Take those that contain it. If none does, take those that contain all its words, in any order. If none
    does, take those that the name of a cloud's GPU or instance type stands for.
    """
    known = set(products) - {""}
    found = {each for each in known if matches_product(text, each)}
    if not found and (words := _split_words(text)):
        found = {each for each in known if all(contains_model(each, word) for word in words)}
    if not found:
        models = list_cloud_products(text)
        found = {each for each in known if extract_model(each) in models}
    return found


def list_cloud_products(name: str) -> tuple[str, ...]:
    """Return the products that a cloud calls so, without regard to case; empty if none does."""
    return find_products_by_name(name) or find_products_by_name(name.lower())


def is_meant(product: str, *, is_mig: bool, is_shared: bool) -> bool:
    """Return whether a product names the kind of device that is meant: whole or MIG, shared or not."""
    return (is_mig or not extract_profile(product)) and (is_shared or not product.endswith(SHARED_END))


def explain_form(text: str, products: Iterable[str]) -> str:
    """Return why ``text`` matches no product, if a word such as SXM or NVLink is too much; else empty."""
    words = re.split(r"[\s_-]+", text.strip())
    forms = [word for word in words if _FORM.fullmatch(word)]
    links = [word for word in words if _LINK.fullmatch(word)]
    rest = "-".join(word for word in words if word not in forms and word not in links)
    if not forms and not links:
        return ""
    if not rest:
        return "no label says how GPUs are connected; write the name of a product" if links else ""
    found = sorted(
        each
        for each in find_products(rest, products)
        if not forms or not any(map(_FORM.fullmatch, each.split("-")))
    )
    what = f"is {forms[0]}" if forms else f"has {links[0]}" if links else ""
    return f"no label says whether {found[0]} {what}; leave the word out" if found else ""


def _split_words(text: str) -> list[str]:
    if extract_profile(text):
        return []
    words = re.split(r"[\s_-]+", text.strip())
    return [word for word in words if word and word.lower() not in _VENDOR_WORDS]
