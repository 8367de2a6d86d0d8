"""Whose the label keys are that gfd never writes."""

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
        "NVIDIA's device plugin: it names the plugin's configuration for this node",
    ),
    (
        re.compile(rf"nvidia\.com/(?:gpu|mig-{_PROFILE})(?:\.shared)?"),
        "NVIDIA's device plugin: no label, but a resource that pods request",
    ),
    (
        re.compile(rf"(?:.+\.)?(?:{re.escape(NFD_PREFIX)}|nfd\.node\.kubernetes\.io/).+"),
        "Node Feature Discovery",
    ),
    (KUBERNETES_KEY, "Kubernetes"),
)
"""By the whole key; the first that matches counts."""


def find_owner(key: str) -> str:
    """Return who writes a key that gfd does not; empty where that is not known."""
    return next((owner for pattern, owner in OWNERS if pattern.fullmatch(key)), "")
