"""Compare products by their hardware: chip, generation, memory, MIG and sharing.

Products are values of ``nvidia.com/gpu.product``. What a product's name does not say comes from NVIDIA's data
sheets (:data:`_CHIPS`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache
from math import log2

from gfd.labels.products import INVALID, SHARED_END, extract_model, extract_profile, may_be_same_model

GENERATIONS = (
    "kepler",
    "maxwell",
    "pascal",
    "volta",
    "turing",
    "ampere",
    "ada-lovelace",
    "hopper",
    "blackwell",
)
"""The values of ``nvidia.com/gpu.family``, the oldest first."""
_CHIPS: tuple[tuple[str, str, int], ...] = (
    # Words of the product, in any order; generation; memory in GB unless the product names it.
    ("K80", "kepler", 12),
    ("M60", "maxwell", 8),
    ("P4", "pascal", 8),
    ("P40", "pascal", 24),
    ("P100", "pascal", 16),
    ("V100", "volta", 16),
    ("T4", "turing", 16),
    ("T4G", "turing", 16),
    ("RTX 8000", "turing", 48),
    ("A2", "ampere", 16),
    ("A10", "ampere", 24),
    ("A10G", "ampere", 24),
    ("A16", "ampere", 16),
    ("A30", "ampere", 24),
    ("A40", "ampere", 48),
    ("A100", "ampere", 40),
    ("A800", "ampere", 80),
    ("A4000", "ampere", 16),
    ("A5000", "ampere", 24),
    ("A6000", "ampere", 48),
    ("3090", "ampere", 24),
    ("L4", "ada-lovelace", 24),
    ("L20", "ada-lovelace", 48),
    ("L40", "ada-lovelace", 48),
    ("L40S", "ada-lovelace", 48),
    ("4090", "ada-lovelace", 24),
    ("6000 Ada", "ada-lovelace", 48),
    ("H20", "hopper", 96),
    ("H100", "hopper", 80),
    ("H100 NVL", "hopper", 94),
    ("H800", "hopper", 80),
    ("H200", "hopper", 141),
    ("GH200", "hopper", 96),
    ("B200", "blackwell", 180),
    ("B300", "blackwell", 288),
    ("GB200", "blackwell", 186),
    ("GB300", "blackwell", 288),
    ("5090", "blackwell", 32),
    ("PRO 6000", "blackwell", 96),
)
_SEVERAL_SIZES = ("A100", "V100")
_MEMORY = re.compile(r"([0-9]{1,4})GB", re.IGNORECASE)
_PROFILE_MEMORY = re.compile(r"\.([0-9]{1,4})gb")
_OTHER_CHIP, _GENERATION_WEIGHT, _MEMORY_WEIGHT, _PARTITIONING_WEIGHT = 0.3, 0.25, 0.25, 0.2
_OTHER_NAME = 0.01
"""The distance of models, or of MIG profiles, that differ in nothing else."""
_UNKNOWN = 0.5
"""The distance of products that nothing is known about; their spelling adds to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """What a product's name says about the device that a pod gets."""

    product: str
    chip: str
    """``H100``; empty if it is not known."""
    generation: str
    """The value of ``nvidia.com/gpu.family``; empty if it is not known."""
    card_gb: int
    """The memory of the whole GPU; 0 if it is not known."""
    profile: str
    """The MIG profile: ``1g.10gb``, or ``INVALID``; empty for a whole GPU."""
    is_shared: bool

    @property
    def sold_gb(self) -> int:
        """Return the memory of the whole GPU; 0 if it is not known, or sold with several sizes."""
        is_certain = self.chip not in _SEVERAL_SIZES or f"{self.card_gb}GB" in self.product.upper()
        return self.card_gb if is_certain else 0

    @property
    def memory_gb(self) -> int:
        """Return the memory of the device: of the MIG device or of the whole GPU; 0 if it is not known."""
        return read_profile_gb(self.profile) or self.card_gb


@lru_cache(maxsize=10_000)
def parse_product(product: str) -> Hardware:
    """Return what the name of a product says."""
    model = extract_model(product)
    words = set(_split_words(model))
    known = [each for each in _CHIPS if set(each[0].upper().split()) <= words]
    chip, generation, memory_gb = max(known, key=lambda each: len(each[0]), default=("", "", 0))
    stated = _MEMORY.search(model)
    return Hardware(
        product=product,
        chip=chip.partition(" ")[0] if chip.startswith("H100") else chip,
        generation=generation,
        # In NVIDIA GH200 480GB, it is the memory of the CPU.
        card_gb=int(stated[1]) if stated and chip != "GH200" else memory_gb,
        profile=extract_profile(product),
        is_shared=product.endswith(SHARED_END),
    )


def _split_words(model: str) -> list[str]:
    return re.split(r"[-_ ]", model.upper())


def read_profile_gb(profile: str) -> int:
    """Return the memory of a MIG profile in GB, as its name says it; 0 without a profile."""
    found = _PROFILE_MEMORY.search(profile)
    return int(found[1]) if found else 0


def is_same_model(product: str, other: str) -> bool:
    """Return whether two products are the same GPU, which drivers and gfd may write differently."""
    one, two = (extract_model(each).lower().removeprefix("nvidia-") for each in (product, other))
    return one == two or may_be_same_model(product, other)


def is_named_by(name: str, product: str) -> bool:
    """Return whether ``name`` means the GPU of ``product``: its whole model, or some words of it.

    H100 and NVIDIA-H100 name NVIDIA-H100-80GB-HBM3; A10 does not name NVIDIA-A100-SXM4-40GB.
    """
    if is_same_model(name, product):
        return True
    words, others = (set(_split_words(extract_model(each))) for each in (name, product))
    return (
        bool(words)
        and words - {"NVIDIA", "TESLA", "GPU"} <= others
        and parse_product(name).chip == parse_product(product).chip != ""
    )


@lru_cache(maxsize=10_000)
def measure_distance(wanted: str, found: str) -> float:
    """Return how different the device ``found`` is from ``wanted``: 0 for equal devices, at most 1."""
    if wanted == found:
        return 0.0
    one, two = parse_product(wanted), parse_product(found)
    distance = 0.0
    if not is_same_model(wanted, found):
        if not one.chip or not two.chip:
            letters = 1 - SequenceMatcher(None, wanted.lower(), found.lower(), autojunk=False).ratio()
            return _UNKNOWN + _UNKNOWN * letters
        distance += (
            _OTHER_CHIP * (one.chip != two.chip)
            + _GENERATION_WEIGHT * _measure_generations(one.generation, two.generation)
            + _OTHER_NAME
        )
    distance += _OTHER_NAME * (bool(one.profile) and bool(two.profile) and one.profile != two.profile)
    distance += _MEMORY_WEIGHT * _measure_memory(one.memory_gb, two.memory_gb)
    steps = (bool(one.profile) != bool(two.profile)) + (one.is_shared != two.is_shared) / 2
    is_broken = two.profile == INVALID
    return distance + _PARTITIONING_WEIGHT * (1.0 if is_broken else min(steps, 1.0))


def _measure_generations(one: str, two: str) -> float:
    away = abs(GENERATIONS.index(one) - GENERATIONS.index(two))
    return away / (len(GENERATIONS) - 1)


def _measure_memory(wanted_gb: int, found_gb: int) -> float:
    """Return the distance of two sizes of memory: less than wanted is worse than more."""
    if not wanted_gb or not found_gb:
        return 0.5 * (wanted_gb != found_gb)
    doublings = log2(found_gb / wanted_gb)
    return min(doublings / 8 if doublings > 0 else -doublings / 4, 1.0)
