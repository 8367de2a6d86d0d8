"""Write amounts of resources as people do: ``500m cpu``, ``64Gi memory``, ``2 nvidia.com/gpu``."""

from __future__ import annotations

from functools import lru_cache

from gfd.clusterview.resources import CPU, EPHEMERAL_STORAGE, HUGE_PAGES, MEMORY

_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")


def format_request(resource: str, count: int) -> str:
    """Return a requested amount, rounded up, and the name of the resource."""
    return f"{format_amount(resource, count)} {resource}"


def format_amount(resource: str, count: int) -> str:
    """Return a requested amount, rounded up."""
    return _format(resource, count, is_wanted=True)


def format_available(resource: str, free: int, offered: int) -> str:
    """Return the free and the offered amount, rounded down: ``2 of 8``, ``31Gi of 62.5Gi``.

    Since requests are rounded up, a request that is too large also looks larger.
    """
    return f"{_format(resource, free, is_wanted=False)} of {_format(resource, offered, is_wanted=False)}"


@lru_cache(maxsize=100_000)
def _format(resource: str, count: int, *, is_wanted: bool) -> str:
    """Return an amount. The cache helps because nodes have the same amounts for each pod of a run."""
    if resource == CPU:
        return f"{count}m" if count % 1000 else str(count // 1000)
    if not is_in_bytes(resource):
        return str(count)
    power = max(0, min((count.bit_length() - 1) // 10, len(_UNITS) - 1))
    unit = 1 << (10 * power)
    tenths = -(-count * 10 // unit) if is_wanted else count * 10 // unit
    whole, tenth = divmod(tenths, 10)
    return f"{whole}.{tenth}{_UNITS[power]}" if tenth else f"{whole}{_UNITS[power]}"


def is_in_bytes(resource: str) -> bool:
    """Return whether a resource is counted in bytes."""
    return resource in (MEMORY, EPHEMERAL_STORAGE) or resource.startswith(HUGE_PAGES)
