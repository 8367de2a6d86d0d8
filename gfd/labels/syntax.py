"""Labels, and what Kubernetes allows in them.

The rules are Kubernetes' (``k8s.io/apimachinery`` validation): a key is an optional DNS-subdomain prefix,
a slash, and a name of at most 63 characters; a value is empty or at most 63 characters; name and value
begin and end with a letter or digit and hold only letters, digits, ``-``, ``_`` and ``.`` between.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gfd.errors import LabelError

Labels = Mapping[str, str]
"""Label keys with their values."""

MAX_LENGTH = 63
MAX_PREFIX_LENGTH = 253

TIMESTAMP = "nvidia.com/gfd.timestamp"
"""The one label whose value alone is no reason to write to the API server."""

OWN_PREFIXES = ("nvidia.com/", "feature.node.kubernetes.io/")
"""Prefixes that templates may write without being asked."""

_NAME = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?")
_NAME_START = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?")
_SUBDOMAIN = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")
_FOREIGN = re.compile(r"[^A-Za-z0-9\-_. ]")
EDGE = "-_."
"""What neither a value nor the name of a key may begin or end with."""

OPERATOR_KEY = re.compile(
    r"nvidia\.com/(?:gpu\.(?:present|deploy\..*|workload\.config)|gpu-driver-upgrade-.*|gpu-operator\..*"
    r"|(?:mig|vgpu)\.config.*|(?:gdrcopy|gds|peermem)\.capable|cc\..*)"
)
KUBERNETES_KEY = re.compile(
    r"(?!(?:[^/]*\.)?feature\.node\.kubernetes\.io/)(?:[^/]*\.)?(?:kubernetes|k8s)\.io/.*"
)
"""Keys that nothing may allow templates to write. The admission policies and the chart's schema say the same.

Those of NFD's prefix, feature.node.kubernetes.io, are not among them.
"""


def sanitise(text: str) -> str:
    """Return ``text`` without what labels cannot hold, runs of spaces as one ``-``.

    The result can still be too long or begin and end with punctuation: see :func:`legal`.
    """
    return "-".join(_FOREIGN.sub("", text).split())


def legal(text: str) -> str:
    """Return ``text`` cut to what a label value, or the name part of a key, may be."""
    return text.lstrip(EDGE)[:MAX_LENGTH].rstrip(EDGE)


def differ(published: Labels, wanted: Labels) -> bool:
    """Return whether ``published`` must be written anew to say what ``wanted`` says."""
    if published.keys() != wanted.keys():
        return True
    return any(published[key] != value for key, value in wanted.items() if key != TIMESTAMP)


def check(key: str, value: str, origin: str = "") -> None:
    """Raise :class:`LabelError` where Kubernetes would refuse ``key`` or ``value``.

    ``origin`` names the template and line that wrote the label, for the message.
    """
    prefix, slash, name = key.rpartition("/")
    if slash and (len(prefix) > MAX_PREFIX_LENGTH or not _SUBDOMAIN.fullmatch(prefix)):
        raise LabelError(key, value, "the prefix of the key is not a DNS subdomain", origin)
    if len(name) > MAX_LENGTH or not _NAME.fullmatch(name):
        raise LabelError(key, value, f"the key's name is not {_RULE}", origin)
    if value and (len(value) > MAX_LENGTH or not _NAME.fullmatch(value)):
        raise LabelError(key, value, f"the value is neither empty nor {_RULE}", origin)


def check_ownership(key: str, value: str, allowed_prefixes: tuple[str, ...], origin: str = "") -> None:
    """Raise :class:`LabelError` for a key that is not gfd's to write."""
    if OPERATOR_KEY.fullmatch(key):
        raise LabelError(key, value, "this key belongs to NVIDIA's GPU operator; rename the label", origin)
    if KUBERNETES_KEY.fullmatch(key):
        raise LabelError(key, value, "this key belongs to Kubernetes; use a prefix of your own", origin)
    if not key.startswith(allowed_prefixes):
        known = ", ".join(allowed_prefixes)
        rule = f"the key begins with none of {known}; allow its prefix with --label-prefix-allow"
        raise LabelError(key, value, rule, origin)


def complete_prefix(prefix: str) -> str:
    """Return a prefix with its slash: example.com means its own labels, not those of example.community."""
    return prefix if "/" in prefix else f"{prefix}/"


def distrust_prefix(prefix: str) -> str | None:
    """Return why templates may never write keys that begin with ``prefix``; None where they may."""
    domain, _, name = complete_prefix(prefix).partition("/")
    if len(domain) > MAX_PREFIX_LENGTH or not _SUBDOMAIN.fullmatch(domain) or not _NAME_START.fullmatch(name):
        return f"{prefix!r} is not the prefix of a label key; write one like example.com"
    if KUBERNETES_KEY.fullmatch(f"{domain}/"):
        return f"{domain} belongs to Kubernetes; use a prefix of your own, like example.com"
    if OPERATOR_KEY.fullmatch(f"{domain}/{name}") or OPERATOR_KEY.fullmatch(f"{domain}/{name}x"):
        return f"{prefix} belongs to NVIDIA's GPU operator; use a prefix of your own, like example.com"
    return None


_RULE = f"1 to {MAX_LENGTH} of letters, digits, '-', '_' and '.', beginning and ending with a letter or digit"
