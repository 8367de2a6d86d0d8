"""What is measured, and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles

GFD, ORIGINAL = "gfd", "original"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One quantity, of several programs in turn. Less is better."""

    benchmark: str
    node: str
    name: str
    unit: str
    samples: dict[str, list[float]]
    """By program."""

    @property
    def verdict(self) -> str:
        """``win`` or ``loss`` of gfd where the middle halves of both do not touch, else ``even``.

        Nothing where either was measured only once: there is no spread to tell by.
        """
        if min(len(self.samples.get(name, [])) for name in (GFD, ORIGINAL)) <= 1:
            return ""
        (low, _, high), (their_low, _, their_high) = (
            quarters(self.samples[name]) for name in (GFD, ORIGINAL)
        )
        if high < their_low:
            return "win"
        return "loss" if low > their_high else "even"

    @property
    def ratio(self) -> float | None:
        """Of gfd's median to the original's."""
        if not (self.samples.get(GFD) and self.samples.get(ORIGINAL)) or not median(self.samples[ORIGINAL]):
            return None
        return median(self.samples[GFD]) / median(self.samples[ORIGINAL])


def quarters(samples: list[float]) -> tuple[float, float, float]:
    """Return the lower quartile, the median and the upper quartile."""
    if len(samples) == 1:
        return samples[0], samples[0], samples[0]
    low, middle, high = quantiles(samples, n=4, method="inclusive")
    return low, middle, high
