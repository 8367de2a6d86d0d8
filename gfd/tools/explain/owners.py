"""The owners of label keys that gfd never writes."""

from __future__ import annotations

import re

from gfd.config.node_config import LABEL
from gfd.kube.field_managers import NFD_PREFIX
from gfd.labels.syntax import KUBERNETES_KEY, OPERATOR_KEY

_PROFILE = r"(?:\d+c\.)?\d+g\.\d+gb(?:\.me(?:\.all)?|\.gfx|-me)?"

OWNERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (OPERATOR_KEY, "NVIDIA's GPU operator"),
    (
        re.compile(re.escape(LABEL)),
        "NVIDIA's device plugin: it selects the plugin's configuration for this node",
    ),
    (
        re.compile(rf"nvidia\.com/(?:gpu|mig-{_PROFILE})(?:\.shared)?"),
        "NVIDIA's device plugin: a resource that pods request, not a label",
    ),
    (
        re.compile(rf"(?:.+\.)?(?:{re.escape(NFD_PREFIX)}|nfd\.node\.kubernetes\.io/).+"),
        "Node Feature Discovery",
    ),
    (KUBERNETES_KEY, "Kubernetes"),
)
"""Patterns of whole keys and their owners; the first match wins."""


def find_owner(key: str) -> str:
    """Return the program that writes a key; empty if unknown."""
    return next((owner for pattern, owner in OWNERS if pattern.fullmatch(key)), "")
