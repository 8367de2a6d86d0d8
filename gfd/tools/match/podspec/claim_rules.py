"""The API server's rules for the resourceClaims of a pod, and for the claims of its containers.

tests/cluster checks that gfd and a real API server refuse the same pods. A new rule needs a row here and in
tests/tools/match/podspec/claim_refusals.py.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gfd.labels.syntax import explain_domain
from gfd.text import list_known
from gfd.tools.match.podspec.rules import Rule, Rules

_DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
DNS_LABEL_ADVICE = "write at most 63 lower-case letters, digits and hyphens"


class PodClaim(NamedTuple):
    """An entry of a pod's resourceClaims; None stands for a field that is absent."""

    name: str
    claim_name: str | None
    template_name: str | None
    is_repeated: bool


class ContainerClaim(NamedTuple):
    """A claim that a container uses."""

    name: str
    request: str
    is_repeated: bool
    """Whether the container uses the same claim, or the same request of it, already."""
    is_known: bool
    known: tuple[str, ...]
    """The names of the pod's resourceClaims."""

    @property
    def advice(self) -> str:
        """Return which names there are."""
        if not self.known:
            return "add it to the resourceClaims of the pod"
        return list_known(self.name, self.known)


def is_dns_label(name: str) -> bool:
    """Return whether a name is a label of a DNS name, as the names of claims and requests must be."""
    return bool(_DNS_LABEL.fullmatch(name))


POD_CLAIM: Rules[PodClaim] = (
    Rule(
        field="name",
        is_broken=lambda it: not it.name,
        message="is missing",
        fix="write a name, by which containers refer to the claim",
    ),
    Rule(
        field="name",
        is_broken=lambda it: not is_dns_label(it.name),
        message="{0.name!r} is not the name of a claim",
        fix=DNS_LABEL_ADVICE,
    ),
    Rule(
        field="name",
        is_broken=lambda it: it.is_repeated,
        message="another entry of resourceClaims has the name {0.name}, too",
        fix="choose another name",
    ),
    Rule(
        is_broken=lambda it: it.claim_name is None and it.template_name is None,
        message="names neither a ResourceClaim nor a ResourceClaimTemplate",
        fix="add resourceClaimTemplateName, or resourceClaimName for a claim that pods share",
    ),
    Rule(
        is_broken=lambda it: it.claim_name is not None and it.template_name is not None,
        message="names both a ResourceClaim and a ResourceClaimTemplate",
        fix="remove one of them",
    ),
    Rule(
        field="resourceClaimName",
        is_broken=lambda it: explain_domain(it.claim_name) if it.claim_name is not None else "",
        message="{0.claim_name!r} is not the name of a ResourceClaim: the name {reason}",
    ),
    Rule(
        field="resourceClaimTemplateName",
        is_broken=lambda it: explain_domain(it.template_name) if it.template_name is not None else "",
        message="{0.template_name!r} is not the name of a ResourceClaimTemplate: the name {reason}",
    ),
)

CONTAINER_CLAIM: Rules[ContainerClaim] = (
    Rule(
        field="name",
        is_broken=lambda it: not it.name,
        message="is missing",
        fix="write the name of an entry of the pod's resourceClaims",
    ),
    Rule(
        field="request",
        is_broken=lambda it: bool(it.request) and not is_dns_label(it.request),
        message="{0.request!r} is not the name of a request",
        fix=DNS_LABEL_ADVICE,
    ),
    Rule(
        is_broken=lambda it: it.is_repeated,
        message="the container uses the claim {0.name} already",
        fix="remove one of the entries, or name different requests of the claim",
    ),
    Rule(
        field="name",
        is_broken=lambda it: not it.is_known,
        message="the pod has no claim {0.name!r}",
        fix="{0.advice}",
    ),
)
