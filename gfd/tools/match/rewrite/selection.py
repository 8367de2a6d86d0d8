"""Divide the nodeSelector and the nodeAffinity of a pod into what claims say and what stays."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, extract_mig_profile
from gfd.tools.match.rewrite.claim_selectors import ChosenKind, build_choices
from gfd.tools.match.rewrite.device_facts import translate_device_fact
from gfd.tools.match.rewrite.kinds import DeviceKind
from gfd.tools.match.rewrite.plugin_labels import is_plugin_label, translate_plugin_label
from gfd.tools.match.rewrite.products import (
    find_profiles,
    has_value_with_dra,
    is_product_of,
    translate_product,
)
from gfd.tools.match.rewrite.terms import keep_terms
from gfd.tools.match.rewrite.translation import Outcome, describe, keep

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from gfd.kube.requirements import Requirement
    from gfd.tools.match.podspec.scheduling import SchedulingSpec
    from gfd.tools.match.rewrite.knowledge import Knowledge
    from gfd.tools.match.rewrite.remark import Remark
    from gfd.tools.match.rewrite.terms import KeptTerm
    from gfd.tools.match.rewrite.translation import Translation


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceSelection:
    """What becomes of the requirements of a pod on nodes."""

    choices: Mapping[str, tuple[ChosenKind, ...]]
    """The kinds of devices that are good enough, by resource, the best first."""
    kept_labels: frozenset[str]
    """The keys of the nodeSelector that stay."""
    kept_terms: tuple[KeptTerm, ...] | None
    """The terms of the required nodeAffinity that stay; None if there are none that match a node."""
    remarks: tuple[Remark, ...]


def divide(spec: SchedulingSpec, resources: Sequence[str], known: Knowledge) -> DeviceSelection:
    """Return what becomes of the requirements of a pod whose containers request these resources."""
    terms = {number: term for number, term in enumerate(spec.terms or ()) if term.expressions or term.fields}
    alternatives = [term.expressions for term in terms.values()] or [()]
    found: dict[Requirement, list[Translation]] = {}
    partly_claimed: list[Requirement] = []
    choices = {}
    for resource in resources:
        outcomes_by_kind: dict[Requirement, set[Outcome]] = {}
        by_kind: dict[DeviceKind, list[list[tuple[Requirement, str]]]] = {}
        for alternative in alternatives:
            requirements = (*spec.node_selector, *alternative)
            for kind in _find_kinds(resource, requirements):
                translated = [(each, _translate(each, kind, known)) for each in requirements]
                for requirement, translation in translated:
                    found.setdefault(requirement, []).append(translation)
                    outcomes_by_kind.setdefault(requirement, set()).add(translation.outcome)
                by_kind.setdefault(kind, []).append(
                    [(each, result.expression) for each, result in translated if result.expression]
                )
        choices[resource] = build_choices(by_kind, spec.node_selector)
        partly_claimed += [each for each, kinds in outcomes_by_kind.items() if {Outcome.KEPT} < kinds]
    for each in (*spec.node_selector, *chain(*alternatives)):
        found.setdefault(each, [] if resources else [_translate(each, None, known)])
    outcomes = {each: _decide(translations) for each, translations in found.items()}
    kept_terms, more = keep_terms(terms, outcomes) if terms else (None, ())
    remarks = [
        translation.remark
        for each, translations in found.items()
        for translation in translations
        if translation.remark and translation.outcome is outcomes[each]
    ]
    remarks += [_explain_partly_claimed(each) for each in partly_claimed]
    return DeviceSelection(
        choices=choices,
        kept_labels=frozenset(each.key for each in spec.node_selector if outcomes[each] is Outcome.KEPT),
        kept_terms=kept_terms,
        remarks=tuple(dict.fromkeys((*remarks, *more, *_explain_preferences(spec)))),
    )


def _find_kinds(resource: str, requirements: Collection[Requirement]) -> list[DeviceKind]:
    if resource != GPU:
        return [DeviceKind(resource=resource, profile=extract_mig_profile(resource))]
    # Without any profile, the products exclude each other, and the claim says so.
    return [DeviceKind(resource=GPU, profile=profile) for profile in find_profiles(requirements) or [""]]


def _translate(requirement: Requirement, kind: DeviceKind | None, known: Knowledge) -> Translation:
    key = requirement.key
    if is_plugin_label(key):
        return translate_plugin_label(requirement, kind)
    if is_product_of(key, kind):
        return translate_product(requirement, kind, known.names)
    found = kind and translate_device_fact(requirement, kind, known.architectures)
    return found or keep(requirement)


def _decide(translations: Sequence[Translation]) -> Outcome:
    """Return what becomes of a requirement that concerns several kinds: a claim of one kind is enough."""
    outcomes = {each.outcome for each in translations}
    order = (Outcome.CLAIMED, Outcome.IMPLIED, Outcome.LOST)
    return next((each for each in order if each in outcomes), Outcome.KEPT)


def _explain_partly_claimed(requirement: Requirement) -> Remark:
    reason = "is in the claim for MIG devices only, since the driver does not tell it of whole GPUs"
    return describe(requirement, reason, "make a pod for each kind of device", is_lost=True)


def _explain_preferences(spec: SchedulingSpec) -> Iterator[Remark]:
    """Yield a remark for each preference for a label of NVIDIA; a claim has no preferences for nodes."""
    for each in chain(*(preference.term.expressions for preference in spec.preferences)):
        is_lost = is_plugin_label(each.key) or not has_value_with_dra(each)
        kept = keep(each).remark
        if is_lost:
            reason = "stays a preference without effect, since no node with DRA has such a label"
            yield describe(each, reason, "remove the preference", is_lost=True)
        elif kept:
            reason = "stays a preference for nodes, since a ResourceClaim has none"
            yield describe(each, reason, kept.step)
