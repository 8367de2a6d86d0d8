"""Product names in labels: ``<model>[-MIG-<profile>][-SHARED]``.

A label value has at most 63 characters, and the end of a product distinguishes the products of one GPU. So a
product that is too long gets a shorter model, and its end stays whole. The result depends only on the name,
so equal GPUs have equal labels on every node.
"""

from __future__ import annotations

from binascii import crc_hqx

from gfd.labels.syntax import EDGE, MAX_LENGTH, sanitise

INVALID = "INVALID"
"""Stands for the profile if the MIG strategy single does not fit the MIG layout."""

SHARED_END = "-SHARED"
"""Ends the product of devices that pods share, unless their resource is renamed."""

_MIG = "-MIG-"
_DISPENSABLE = ("-Edition", "-Workstation")
"""Last words of NVIDIA's product names. No two models differ only in these."""
_CUT = {"-Edition": (), "-Workstation": ("-Edition",)}
_CUT_ANYWHERE = ("-Edition", "-Workstation", "-Workstation-Edition")
"""Words that may be missing at the end of a model: after one of these words, and after any other word."""
_SHORTEST_MODEL = 16
"""Minimum length of the model; every real profile leaves more room."""


def compose_product(name: str, *rest: str, is_shared: bool = False, length: int = MAX_LENGTH) -> str:
    """Return the product of a GPU with NVML's product ``name``, in at most ``length`` characters.

    For a MIG device, ``rest`` is ``"MIG"`` and the profile.
    """
    tail = "".join(f"-{sanitise(part)}" for part in rest if part)
    # A GPU without a name has an empty product, shared or not.
    return shorten_product(
        sanitise(name), tail + SHARED_END if is_shared and (name or tail) else tail, length
    )


def shorten_product(model: str, tail: str = "", length: int = MAX_LENGTH) -> str:
    """Join ``model`` and ``tail`` to a legal label value; shorten the model if that is too long.

    Drop the words Edition and Workstation first. If that is not enough, replace more words with four
    hexadecimal digits, a checksum of the whole model, so that two models never get the same value.
    """
    whole = (model + tail).strip(EDGE)
    if len(whole) <= length:
        return whole
    model, tail = model.strip(EDGE), tail.rstrip(EDGE)
    if length - len(tail) < _SHORTEST_MODEL:
        model, tail = whole, ""
    kept = model
    for word in _DISPENSABLE:
        kept = kept.removesuffix(word).rstrip(EDGE)
        if len(kept + tail) <= length:
            return kept + tail
    mark = f"-{crc_hqx(model.encode(), 0):04x}"
    room = length - len(mark + tail)
    kept = model[: room + 1].rpartition("-")[0] or model[:room]
    return kept.rstrip(EDGE) + mark + tail


def extract_profile(product: str) -> str:
    """Return the MIG profile in a product: ``INVALID`` for an invalid layout, empty without a profile."""
    return _split(product)[1]


def extract_model(product: str) -> str:
    """Return the model in a product, possibly shortened: without the MIG profile and ``-SHARED``."""
    return _split(product)[0]


def extract_suffix(product: str) -> str:
    """Return the end of a product: the MIG profile and ``-SHARED``, if present."""
    return product[len(extract_model(product)) :]


def list_possible_models(product: str) -> tuple[str, ...]:
    """Return the models that a product can stand for: its model may have lost words."""
    model, tail = extract_model(product), extract_suffix(product)
    cut = _CUT.get(f"-{model.rpartition('-')[2]}", _CUT_ANYWHERE)
    return (model, *(model + words for words in cut if shorten_product(model + words, tail) == product))


def may_be_same_model(product: str, other: str) -> bool:
    """Return whether two products have the same model, or may have it because one was shortened."""
    if set(list_possible_models(product)) & set(list_possible_models(other)):
        return True
    pairs = ((product, other), (other, product))
    return any(
        shorten_product(extract_model(whole), extract_suffix(short)) == short for whole, short in pairs
    )


def _split(product: str) -> tuple[str, str]:
    bare = product.removesuffix(SHARED_END)
    model, _, profile = bare.rpartition(_MIG)
    return (model, profile) if model and profile else (bare, "")
