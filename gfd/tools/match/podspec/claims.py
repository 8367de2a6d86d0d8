"""Read the resourceClaims of a PodSpec, and the claims of its containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.tools.match.podspec import claim_rules, rules
from gfd.tools.match.podspec.claim_rules import ContainerClaim, PodClaim
from gfd.tools.match.podspec.fields import find, read_items, read_text

if TYPE_CHECKING:
    from gfd.documents.value import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimReference:
    """An entry of a pod's resourceClaims: the name of a ResourceClaim or of a ResourceClaimTemplate."""

    name: str
    """The name by which the containers of the pod know the claim."""
    claim_name: str = ""
    """The ResourceClaim, which several pods can share; empty if a template is named."""
    template_name: str = ""
    """The ResourceClaimTemplate, of which each pod gets a claim of its own."""
    place: str = ""
    """``file:line``."""


def read_claims(spec: Value) -> tuple[ClaimReference, ...]:
    """Return the resourceClaims of a PodSpec. Raises DocumentError."""
    found: dict[str, ClaimReference] = {}
    for item in read_items(spec, "resourceClaims"):
        reference = _read_reference(item, found)
        found[reference.name] = reference
    for container in (*read_items(spec, "initContainers"), *read_items(spec, "containers")):
        _check_container(container, found)
    return tuple(found.values())


def _read_reference(item: Value, known: dict[str, ClaimReference]) -> ClaimReference:
    item.only("name", "resourceClaimName", "resourceClaimTemplateName")
    claim, template = item.member("resourceClaimName"), item.member("resourceClaimTemplateName")
    subject = PodClaim(
        name=read_text(item, "name"),
        claim_name=claim.text() if claim else None,
        template_name=template.text() if template else None,
        is_repeated=read_text(item, "name") in known,
    )
    rules.check(item, subject, claim_rules.POD_CLAIM)
    return ClaimReference(
        name=subject.name,
        claim_name=subject.claim_name or "",
        template_name=subject.template_name or "",
        place=f"{item.source}:{item.line}",
    )


def _check_container(container: Value, known: dict[str, ClaimReference]) -> None:
    """Raise DocumentError for a claim of a container that the API server refuses."""
    used: set[tuple[str, str]] = set()
    resources = find(container, "resources")
    for item in read_items(resources, "claims") if resources else ():
        item.only("name", "request")
        name, request = read_text(item, "name"), read_text(item, "request")
        others = {other for each, other in used if each == name}
        subject = ContainerClaim(
            name=name,
            request=request,
            is_repeated=bool(others) and ("" in others or not request or request in others),
            is_known=name in known,
            known=tuple(known),
        )
        rules.check(item, subject, claim_rules.CONTAINER_CLAIM)
        used.add((name, request))
