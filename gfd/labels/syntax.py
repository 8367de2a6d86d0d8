"""The syntax of labels, and who may write them.

The rules are those of Kubernetes (``k8s.io/apimachinery`` validation). A key is a name, with or without a DNS
name and a slash before it. A name has 1 to 63 characters, a value 0 to 63. Both hold only letters, digits,
``-``, ``_`` and ``.``, and begin and end with a letter or digit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gfd.errors import LabelError

Labels = Mapping[str, str]
"""Label keys with their values."""

MAX_LENGTH = 63
MAX_DOMAIN_LENGTH = 253

TIMESTAMP = "nvidia.com/gfd.timestamp"
"""A change of this label alone is no reason to write to the API server."""

VENDOR = "nvidia.com/"
"""The prefix of NVIDIA's labels and resources."""

CLIQUE = f"{VENDOR}gpu.clique"
"""The label with the id of the rack's NVLink fabric, which only the running node can tell."""

OWN_PREFIXES = (VENDOR, "feature.node.kubernetes.io/")
"""Prefixes of keys that templates may always write."""

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_NAME_START = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?")
_DOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_NAME_RULE = "may hold only letters, digits, '-', '_' and '.', and must begin and end with a letter or digit"
_FOREIGN = re.compile(r"[^A-Za-z0-9\-_. ]")
EDGE = "-_."
"""Characters that a value, or the name of a key, may hold but not begin or end with."""

OPERATOR_KEY = re.compile(
    r"nvidia\.com/(?:gpu\.(?:present|deploy\..*|workload\.config)|gpu-driver-upgrade-.*|gpu-operator\..*"
    r"|(?:mig|vgpu)\.config.*|(?:gdrcopy|gds|peermem)\.capable|cc\..*)"
)
KUBERNETES_KEY = re.compile(
    r"(?!(?:[^/]*\.)?feature\.node\.kubernetes\.io/)(?:[^/]*\.)?(?:kubernetes|k8s)\.io/.*"
)
"""Keys that templates may never write. NFD's prefix, feature.node.kubernetes.io, is not among them.

The admission policies and the chart's schema have the same rules.
"""


def sanitise(text: str) -> str:
    """Return ``text`` without the characters that labels cannot hold, and with ``-`` for spaces.

    The result can still be too long, or begin or end with punctuation: see :func:`truncate`.
    """
    return "-".join(_FOREIGN.sub("", text).split())


def truncate(text: str) -> str:
    """Return ``text`` without punctuation at its ends, cut to the length that a label value may have."""
    return text.lstrip(EDGE)[:MAX_LENGTH].rstrip(EDGE)


def differ(published: Labels, wanted: Labels) -> bool:
    """Return whether ``published`` must be replaced by ``wanted``; the timestamp alone is no reason."""
    if published.keys() != wanted.keys():
        return True
    return any(published[key] != value for key, value in wanted.items() if key != TIMESTAMP)


def explain_key(key: str) -> str:
    """Return why Kubernetes refuses a label key; empty if it accepts the key."""
    prefix, slash, name = key.rpartition("/")
    if slash and (reason := explain_domain(prefix)):
        return f"the key's prefix {reason}"
    reason = _explain_name(name)
    return f"the key's name {reason}" if reason else ""


def explain_value(value: str) -> str:
    """Return why Kubernetes refuses a label value; empty if it accepts the value."""
    reason = _explain_name(value) if value else ""
    return f"the value {reason}" if reason else ""


def explain_domain(name: str) -> str:
    """Return why Kubernetes refuses the prefix of a key, or the name of a node; empty if it accepts it."""
    if not name:
        return "is empty"
    if len(name) > MAX_DOMAIN_LENGTH:
        return f"has more than {MAX_DOMAIN_LENGTH} characters"
    return "" if _DOMAIN.fullmatch(name) else "is not a DNS name in lower case, such as example.com"


def _explain_name(name: str) -> str:
    if not name:
        return "is empty"
    if len(name) > MAX_LENGTH:
        return f"has more than {MAX_LENGTH} characters"
    return "" if _NAME.fullmatch(name) else _NAME_RULE


def check(key: str, value: str, origin: str = "") -> None:
    """Raise :class:`LabelError` if Kubernetes refuses ``key`` or ``value``.

    ``origin`` is the template and line that wrote the label, for the message.
    """
    if reason := explain_key(key) or explain_value(value):
        raise LabelError(key, value, reason, origin)


def check_ownership(key: str, value: str, allowed_prefixes: tuple[str, ...], origin: str = "") -> None:
    """Raise :class:`LabelError` for a key that templates may not write."""
    if OPERATOR_KEY.fullmatch(key):
        raise LabelError(key, value, "this key belongs to NVIDIA's GPU operator; rename the label", origin)
    if KUBERNETES_KEY.fullmatch(key):
        raise LabelError(key, value, "this key belongs to Kubernetes; use a prefix of your own", origin)
    if not key.startswith(allowed_prefixes):
        known = ", ".join(allowed_prefixes)
        rule = f"the key begins with none of {known}; allow its prefix with --label-prefix-allow"
        raise LabelError(key, value, rule, origin)


def complete_prefix(prefix: str) -> str:
    """Return ``prefix`` with a slash, so that example.com does not match example.community/x."""
    return prefix if "/" in prefix else f"{prefix}/"


def explain_prefix(prefix: str) -> str:
    """Return why templates may never write keys with ``prefix``; empty if they may."""
    domain, _, name = complete_prefix(prefix).partition("/")
    if explain_domain(domain) or not _NAME_START.fullmatch(name):
        return f"{prefix!r} is not the prefix of a label key; write one like example.com"
    if KUBERNETES_KEY.fullmatch(f"{domain}/"):
        return f"{domain} belongs to Kubernetes; use a prefix of your own, like example.com"
    if OPERATOR_KEY.fullmatch(f"{domain}/{name}") or OPERATOR_KEY.fullmatch(f"{domain}/{name}x"):
        return f"{prefix} belongs to NVIDIA's GPU operator; use a prefix of your own, like example.com"
    return ""
