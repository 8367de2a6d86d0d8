"""The API server's rules for ResourceClaims, ResourceClaimTemplates and DeviceClasses of resource.k8s.io/v1.

Kubernetes has them in ``pkg/apis/resource/validation``. tests/cluster checks that gfd and a real API server
refuse the same objects. A new rule needs a row here and in tests/tools/match/dra/refusals.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from gfd.clusterview.dra.limits import MAX_EXPRESSION_BYTES
from gfd.labels.syntax import explain_domain, explain_key
from gfd.text import join_words, list_known
from gfd.tools.match.podspec.claim_rules import DNS_LABEL_ADVICE, is_dns_label
from gfd.tools.match.podspec.resource_rules import is_extended
from gfd.tools.match.podspec.rules import TOLERATION_OF_ANY_TAINT, Rule, Rules

if TYPE_CHECKING:
    from gfd.tools.match.podspec.scheduling import Toleration

MAX_PARAMETERS_BYTES = 10 * 1024
"""The maximum length of the parameters of a configuration as JSON."""
EXACT_COUNT, ALL = "ExactCount", "All"
EFFECTS = ("NoSchedule", "NoExecute", "None")
_MAX_DOMAIN, _MAX_IDENTIFIER = 63, 32
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Size(NamedTuple):
    """The length of a list."""

    entries: int
    maximum: int


class RequestShape(NamedTuple):
    """How a request says what it asks for."""

    name: str
    is_repeated: bool
    has_exactly: bool
    has_alternatives: bool
    is_flat: bool
    """Whether it has the fields of ``exactly`` beside its name, as in resource.k8s.io/v1beta1."""


class Count(NamedTuple):
    """The ``allocationMode`` of a request, and its ``count``; 0 stands for an absent count."""

    mode: str
    number: int


class RequestReference(NamedTuple):
    """The name of a request, in a constraint or in a configuration."""

    name: str
    known: tuple[str, ...]
    """The names of all requests of the claim, with those of their alternatives: ``gpu/large``."""
    is_repeated: bool

    @property
    def advice(self) -> str:
        """Return which names there are."""
        return list_known(self.name, self.known)


def explain_attribute(name: str) -> str:
    """Return why a name of an attribute with its domain is refused; empty if it is accepted."""
    parts = name.split("/")
    if len(parts) == 1:
        return "it has no domain, as in gpu.nvidia.com/productName"
    if len(parts) > 2:
        return ""  # the API server does not check these
    domain, identifier = parts
    if reason := _explain_domain(domain):
        return f"the domain {reason}"
    if len(identifier) > _MAX_IDENTIFIER or not _IDENTIFIER.fullmatch(identifier):
        return f"after the slash, it needs 1 to {_MAX_IDENTIFIER} letters, digits and underscores"
    return ""


def explain_driver(name: str) -> str:
    """Return why the name of a driver is refused, which may have capitals; empty if it is accepted."""
    return _explain_domain(name.lower())


def _explain_domain(name: str) -> str:
    return f"has more than {_MAX_DOMAIN} characters" if len(name) > _MAX_DOMAIN else explain_domain(name)


SIZE: Rules[Size] = (
    Rule(
        is_broken=lambda it: it.entries > it.maximum,
        message="has {0.entries} entries, and {0.maximum} is the maximum",
        fix="remove some",
    ),
)

REQUEST: Rules[RequestShape] = (
    Rule(
        field="name",
        is_broken=lambda it: not it.name,
        message="is missing",
        fix="write a name for the request, such as gpu",
    ),
    Rule(
        field="name",
        is_broken=lambda it: not is_dns_label(it.name),
        message="{0.name!r} is not the name of a request",
        fix=DNS_LABEL_ADVICE,
    ),
    Rule(
        field="name",
        is_broken=lambda it: it.is_repeated,
        message="another request has the name {0.name}, too",
        fix="choose another name",
    ),
    Rule(
        is_broken=lambda it: it.is_flat,
        message="has the fields of a request of resource.k8s.io/v1beta1",
        fix="put all of them but the name under exactly: {{…}}",
    ),
    Rule(
        is_broken=lambda it: not it.has_exactly and not it.has_alternatives,
        message="asks for nothing",
        fix="add exactly: {{deviceClassName: gpu.nvidia.com}}, or firstAvailable",
    ),
    Rule(
        is_broken=lambda it: it.has_exactly and it.has_alternatives,
        message="has both exactly and firstAvailable",
        fix="remove one of them",
    ),
)

CLASS_NAME: Rules[str] = (
    Rule(
        is_broken=lambda name: not name,
        message="is missing",
        fix="write the name of a DeviceClass, such as gpu.nvidia.com",
    ),
    Rule(
        is_broken=explain_domain,
        message="{0!r} is not the name of a DeviceClass: the name {reason}",
    ),
)

COUNT: Rules[Count] = (
    Rule(
        field="allocationMode",
        is_broken=lambda it: it.mode not in (EXACT_COUNT, ALL),
        message="{0.mode!r} is not an allocation mode",
        fix=f"choose {EXACT_COUNT} or {ALL}",
    ),
    Rule(
        field="count",
        is_broken=lambda it: it.mode == ALL and it.number != 0,
        message=f"the allocation mode {ALL} takes no count",
        fix=f"remove count, or choose {EXACT_COUNT}",
    ),
)

EXPRESSION: Rules[str] = (
    Rule(
        is_broken=lambda text: len(text.encode()) > MAX_EXPRESSION_BYTES,
        message=f"is longer than {MAX_EXPRESSION_BYTES} bytes",
        fix="divide it into several selectors",
    ),
)

TOLERATION: Rules[Toleration] = (
    *TOLERATION_OF_ANY_TAINT,
    Rule(
        field="effect",
        is_broken=lambda it: bool(it.effect) and it.effect not in EFFECTS,
        message="{0.effect!r} is not an effect of device taints",
        fix=f"choose {join_words(EFFECTS)}",
    ),
)

REFERENCE: Rules[RequestReference] = (
    Rule(
        is_broken=lambda it: it.name not in it.known,
        message="the claim has no request {0.name!r}",
        fix="{0.advice}",
    ),
    Rule(
        is_broken=lambda it: it.is_repeated,
        message="names the request {0.name} twice",
        fix="remove one of them",
    ),
)

ATTRIBUTE: Rules[str] = (
    Rule(
        is_broken=explain_attribute,
        message="{0!r} is not the name of an attribute: {reason}",
    ),
)

EXTENDED_RESOURCE: Rules[str] = (
    Rule(
        is_broken=lambda name: not is_extended(name) or bool(explain_key(f"requests.{name}")),
        message="{0!r} is not the name of an extended resource",
        fix="write one with a domain, such as nvidia.com/gpu",
    ),
)

DRIVER: Rules[str] = (
    Rule(
        is_broken=lambda name: not name,
        message="is missing",
        fix="write the name of the driver that the parameters are for, such as gpu.nvidia.com",
    ),
    Rule(is_broken=explain_driver, message="{0!r} is not the name of a driver: the name {reason}"),
)
