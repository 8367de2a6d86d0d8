"""Build the ResourceClaimTemplate object."""

from __future__ import annotations

import re
from binascii import crc_hqx
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.model import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_NAME_LENGTH = 63
"""The maximum length of a name; it is that of a label, which is shorter than most names may be."""


def build_template(name: str, requests: Sequence[Mapping[str, Any]], namespace: str = "") -> dict[str, Any]:
    """Return the ResourceClaimTemplate with these requests; without a namespace, kubectl chooses it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "ResourceClaimTemplate",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {"spec": {"devices": {"requests": list(requests)}}},
    }


def build_request(name: str, bodies: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """Return a request for one of ``bodies``, which are alternatives by name, the best first."""
    if len(bodies) == 1:
        return {"name": name, "exactly": next(iter(bodies.values()))}
    return {"name": name, "firstAvailable": [{"name": each, **body} for each, body in bodies.items()]}


def build_body(device_class: str, count: int, expressions: Iterable[str]) -> dict[str, Any]:
    """Return a request's fields for ``count`` devices of a class that meet all of the CEL expressions."""
    selectors = [{"cel": {"expression": each}} for each in expressions]
    return {
        "deviceClassName": device_class,
        **({"selectors": selectors} if selectors else {}),
        "count": count,
    }


def make_name(text: str) -> str:
    """Return a legal name for a text; one that is too long ends with a checksum of the whole."""
    name = re.sub("[^a-z0-9]+", "-", text.lower()).strip("-")
    if len(name) <= MAX_NAME_LENGTH:
        return name
    return f"{name[: MAX_NAME_LENGTH - 5].rstrip('-')}-{crc_hqx(text.lower().encode(), 0):04x}"
