"""Find the claims that a pod names: those of files, of the cluster, or of templates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.clusterview.dra.snapshot import CLAIM, CLASS, SLICE, TEMPLATE
from gfd.text import join_words, list_known
from gfd.tools.match.dra.extended_resources import IMPLICIT, build_claim
from gfd.tools.match.dra.requests import list_requests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gfd.tools.match.dra.model import ClaimSpec, DeviceClass
    from gfd.tools.match.dra.state import DeviceState
    from gfd.tools.match.podspec.scheduling import SchedulingSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class PodClaims:
    """The claims of a pod."""

    claims: tuple[ClaimSpec, ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    """The objects that are nowhere, each with what to do: the pod stays Pending."""
    unjudged: tuple[str, ...] = ()
    """What is unknown about claims: each a text that names the field and says why."""
    is_known: bool = True
    """Whether all claims and DeviceClasses are known, or surely missing."""
    releasable: tuple[str, ...] = ()
    """The claims with devices that no pod uses: the scheduler gives these up if no node suits the pod."""

    @property
    def shared(self) -> tuple[str, ...]:
        """The ResourceClaims that other pods can use, too, as ``namespace/name``."""
        return tuple(each.shared_as for each in self.claims if each.shared_as)


def find_claims(spec: SchedulingSpec, state: DeviceState) -> PodClaims:
    """Return the claims that a pod names."""
    if state.absence and spec.claims:
        return PodClaims(missing=(("resource.k8s.io/v1", state.absence),))
    if why := state.unknown.get(SLICE):
        return PodClaims(unjudged=(explain_unknown(spec, f": {why}"),), is_known=False)
    claims: list[ClaimSpec] = []
    missing: list[tuple[str, str]] = []
    unjudged: list[str] = []
    releasable: list[str] = []
    unknown: list[str] = []
    for each in spec.claims:
        kind, name = (CLAIM, each.claim_name) if each.claim_name else (TEMPLATE, each.template_name)
        known = state.objects.claims if each.claim_name else state.objects.templates
        key = f"{spec.namespace}/{name}"
        found = known.get(key)
        if found is None:
            if why := state.unknown.get(kind):
                unknown.append(f"resourceClaims: the {kind} {name} of {each.name} is unknown: {why}")
            else:
                missing.append((f"{kind} {name}", _advise(name, spec.namespace, known)))
            continue
        if found.is_terminating:
            missing.append((f"{kind} {name}", "it is being deleted; wait, and create it again"))
            continue
        unjudged += (f"resourceClaims: {text}" for text in found.unjudged)
        held = state.find_claim(key) if each.claim_name else None
        if held:
            found = replace(found, allocations=held.allocations, node_selector=held.node_selector)
            releasable += [] if held.pods else [each.name]
        claims.append(replace(found, name=each.name))
    classes = state.objects.classes
    for name in _find_missing_classes(claims, state):
        if why := state.unknown.get(CLASS):
            unknown.append(f"resourceClaims: the DeviceClass {name} is unknown: {why}")
        else:
            advice = f"none of this name; create it, or name another: {list_known(name, sorted(classes))}"
            missing.append((f"DeviceClass {name}", advice))
    return PodClaims(
        claims=tuple(claims),
        missing=tuple(missing),
        unjudged=tuple(dict.fromkeys((*unknown, *unjudged))),
        is_known=not unknown,
        releasable=tuple(releasable),
    )


def add_node_claim(
    claims: PodClaims, spec: SchedulingSpec, delegated: Mapping[str, DeviceClass], state: DeviceState
) -> PodClaims:
    """Return the claims and the one that the scheduler makes for resources that a node gives by DRA."""
    if not delegated:
        return claims
    gate = state.gate if any(each.startswith(IMPLICIT) for each in delegated) else ""
    return replace(
        claims,
        claims=(*claims.claims, build_claim(spec.containers, delegated)),
        unjudged=(*claims.unjudged, *([gate] if gate else [])),
    )


def explain_unknown(spec: SchedulingSpec, why: str = "") -> str:
    """Return a text that says that it is unknown which nodes have the devices of a pod."""
    resources = [] if spec.claims else list(spec.domain_requests)
    names = join_words([*(each.name for each in spec.claims), *resources], "and")
    return f"resourceClaims: it is unknown which nodes have the devices for {names}{why}"


def _find_missing_classes(claims: Iterable[ClaimSpec], state: DeviceState) -> list[str]:
    """Return the DeviceClasses that claims without devices name, and that are not there."""
    return sorted(
        {
            request.class_name
            for claim in claims
            if claim.allocations is None
            for request in list_requests(claim)
        }.difference(state.objects.classes)
    )


def _advise(name: str, namespace: str, known: Mapping[str, ClaimSpec]) -> str:
    """Return why an object is not found, and what to do."""
    elsewhere = [key.partition("/")[0] for key in known if key.partition("/")[2] == name]
    if elsewhere:
        return f"it is in the namespace {elsewhere[0]}, and the pod in {namespace}; move one of them"
    own = [key.partition("/")[2] for key in known if key.startswith(f"{namespace}/")]
    if own:
        return f"not in the namespace {namespace}; apply it, or name another: {list_known(name, own)}"
    return f"not in the namespace {namespace}; apply it, or add its file to the command"
