"""Change a PodSpec so that its containers claim devices."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from gfd.clusterview.affinity_terms import REQUIRED
from gfd.clusterview.dra.limits import MAX_ALTERNATIVES, MAX_DEVICES, MAX_EXPRESSION_BYTES, MAX_ITEMS
from gfd.tools.claim_templates.template import (
    build_body,
    build_request,
    make_name,
)
from gfd.tools.match.rewrite.containers import CONTAINERS, explain_resources, explain_reuse, read_containers
from gfd.tools.match.rewrite.members import drop_members
from gfd.tools.match.rewrite.requests import REQUEST, plan_requests
from gfd.tools.match.rewrite.selection import divide

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.documents.value import Value
    from gfd.tools.match.podspec.scheduling import SchedulingSpec
    from gfd.tools.match.rewrite.claim_selectors import ChosenKind
    from gfd.tools.match.rewrite.knowledge import Knowledge
    from gfd.tools.match.rewrite.remark import Remark
    from gfd.tools.match.rewrite.requests import ClaimPlan, PlannedRequest
    from gfd.tools.match.rewrite.selection import DeviceSelection

_AMOUNTS = ("limits", "requests")


@dataclass(frozen=True, slots=True, kw_only=True)
class PodRewrite:
    """What to change in a PodSpec."""

    resources: tuple[str, ...]
    """The resources of containers that become claims."""
    plan: ClaimPlan
    selection: DeviceSelection
    remarks: tuple[Remark, ...]
    """Remarks about labels and resources."""

    def build_requests(self) -> list[dict[str, Any]]:
        """Return the requests of the ResourceClaimTemplate; none if the pod requests no devices."""
        return [_build_request(each, self.selection.choices[each.resource]) for each in self.plan.requests]

    def apply(self, spec: dict[str, Any], template: str) -> None:
        """Change ``spec``, the PodSpec as dicts and lists; ``template`` is the name of the claim template."""
        _keep_selector(spec, self.selection)
        _keep_terms(spec, self.selection)
        if not self.plan.requests:
            return
        claims = spec.setdefault("resourceClaims", [])
        taken = {each.get("name") for each in claims}
        name = next(each for each in _list_claim_names() if each not in taken)
        claims.append({"name": name, "resourceClaimTemplateName": template})
        containers = [each for field in CONTAINERS for each in spec.get(field) or ()]
        is_only = len(self.plan.requests) == 1
        for container, used in zip(containers, self.plan.uses, strict=True):
            resources = container.get("resources") or {}
            for field in _AMOUNTS:
                drop_members(resources, field, self.resources)
            if used:
                entries = [{"name": name, **({} if is_only else {"request": each})} for each in used]
                resources["claims"] = [*(resources.get("claims") or ()), *entries]


def plan_rewrite(value: Value, spec: SchedulingSpec, known: Knowledge) -> PodRewrite:
    """Return what to change in the PodSpec ``value``, of which ``spec`` is what the scheduler sees.

    Raises DocumentError for a claim that the API server would refuse.
    """
    containers = read_containers(value)
    resources = tuple(dict.fromkeys(name for each in containers for name in each.counts))
    plan = plan_requests(containers)
    total = sum(each.count for each in plan.requests)
    if total > MAX_DEVICES:
        raise value.field("containers").error(
            f"the containers ask for {total} devices, and a ResourceClaim holds at most {MAX_DEVICES}; "
            "divide the pod"
        )
    selection = divide(spec, resources, known)
    _check_limits(value, selection)
    return PodRewrite(
        resources=resources,
        plan=plan,
        selection=selection,
        remarks=(*selection.remarks, *explain_resources(value), *explain_reuse(containers, plan)),
    )


def _check_limits(value: Value, selection: DeviceSelection) -> None:
    """Raise DocumentError if the API server would refuse what the requests have in common."""
    kinds = max(map(len, selection.choices.values()), default=0)
    if kinds > MAX_ALTERNATIVES:
        raise value.field("affinity").error(
            f"names {kinds} kinds of devices, and a ResourceClaim takes at most {MAX_ALTERNATIVES} "
            "alternatives; leave out some MIG profiles"
        )
    too_much = (
        f"nodeSelector and nodeAffinity ask for more than a ResourceClaim holds, {MAX_ITEMS} selectors "
        f"of {MAX_EXPRESSION_BYTES} bytes; make a pod for some of the terms"
    )
    for choice in (each for choices in selection.choices.values() for each in choices):
        is_long = any(len(each.encode()) > MAX_EXPRESSION_BYTES for each in choice.expressions)
        if is_long or len(choice.expressions) > MAX_ITEMS:
            raise value.error(too_much)


def _list_claim_names() -> Iterator[str]:
    yield REQUEST
    yield from (f"{REQUEST}-{number}" for number in count(2))


def _build_request(request: PlannedRequest, choices: Iterable[ChosenKind]) -> dict[str, Any]:
    bodies = {
        make_name(f"mig {each.kind.profile}" if each.kind.profile else REQUEST): build_body(
            each.kind.device_class, request.count, each.expressions
        )
        for each in choices
    }
    return build_request(request.name, bodies)


def _keep_selector(spec: dict[str, Any], selection: DeviceSelection) -> None:
    labels = spec.get("nodeSelector") or {}
    drop_members(spec, "nodeSelector", [key for key in labels if key not in selection.kept_labels])


def _keep_terms(spec: dict[str, Any], selection: DeviceSelection) -> None:
    """Keep only the chosen terms of the required nodeAffinity, and remove what is empty then."""
    if selection.kept_terms is None:
        return
    affinity = spec["affinity"]
    terms = affinity["nodeAffinity"][REQUIRED]["nodeSelectorTerms"]
    kept = []
    for each in selection.kept_terms:
        term = terms[each.number]
        term["matchExpressions"] = [term["matchExpressions"][number] for number in each.expressions]
        if not term["matchExpressions"]:
            del term["matchExpressions"]
        kept.append(term)
    affinity["nodeAffinity"][REQUIRED]["nodeSelectorTerms"] = kept
    if not kept:
        drop_members(affinity, "nodeAffinity", [REQUIRED])
        if not affinity:
            del spec["affinity"]
