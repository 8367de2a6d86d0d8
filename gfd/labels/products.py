"""Product names as labels hold them: ``<model>[-MIG-<profile>][-SHARED]``.

A label holds at most 63 characters, and what tells the products of one GPU apart stands at the end. So where
a name is too long, the model is shortened and the rest stays whole. The result depends on the name alone:
equal GPUs have equal labels on every node.
"""

from __future__ import annotations

from binascii import crc_hqx

from gfd.labels.syntax import EDGE, MAX_LENGTH, sanitise

INVALID = "INVALID"
"""The profile of a node that the MIG strategy single cannot describe."""

_MIG, _SHARED = "-MIG-", "-SHARED"
_DISPENSABLE = ("-Edition", "-Workstation")
"""Words at the end of NVIDIA's names by which alone no two models differ."""
_CUT = {"-Edition": (), "-Workstation": ("-Edition",)}
_CUT_ANYWHERE = ("-Edition", "-Workstation", "-Workstation-Edition")
"""What a label may lack at the end of its model: after one of these words, and after any other."""
_SHORTEST_MODEL = 16
"""What is always left for the model; only a profile that no GPU has would need more."""


def compose_product(name: str, *rest: str, is_shared: bool = False, length: int = MAX_LENGTH) -> str:
    """Return the product of a GPU called ``name`` by NVML, in at most ``length`` characters.

    ``rest`` is ``"MIG"`` and a profile for a MIG device.
    """
    tail = "".join(f"-{sanitise(part)}" for part in rest if part)
    # A GPU without a name has no product, shared or not.
    return shorten_product(sanitise(name), tail + _SHARED if is_shared and (name or tail) else tail, length)


def shorten_product(model: str, tail: str = "", length: int = MAX_LENGTH) -> str:
    """Return ``model`` and ``tail`` as a legal label value; where that is too long, less of the model.

    The words Edition and Workstation go first. Where that is not enough, more words go, and four hexadecimal
    digits, a checksum of the whole model, take their place, so that two models do not become one value.
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
    """Return the MIG profile in a product, ``INVALID`` for a layout that is none; empty if there is none."""
    return _split(product)[1]


def extract_model(product: str) -> str:
    """Return a product without what MIG and sharing put at its end, as short as it stands there."""
    return _split(product)[0]


def extract_suffix(product: str) -> str:
    """Return what MIG and sharing put at the end of a product."""
    return product[len(extract_model(product)) :]


def list_possible_models(product: str) -> tuple[str, ...]:
    """Return the models that a product may be of, since words of the model can be cut."""
    model, tail = extract_model(product), extract_suffix(product)
    cut = _CUT.get(f"-{model.rpartition('-')[2]}", _CUT_ANYWHERE)
    return (model, *(model + words for words in cut if shorten_product(model + words, tail) == product))


def may_be_same_model(product: str, other: str) -> bool:
    """Return whether two products are of one model, or were shortened so that they can be."""
    if set(list_possible_models(product)) & set(list_possible_models(other)):
        return True
    pairs = ((product, other), (other, product))
    return any(
        shorten_product(extract_model(whole), extract_suffix(short)) == short for whole, short in pairs
    )


def _split(product: str) -> tuple[str, str]:
    bare = product.removesuffix(_SHARED)
    model, _, profile = bare.rpartition(_MIG)
    return (model, profile) if model and profile else (bare, "")
