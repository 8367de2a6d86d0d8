"""The request for devices that a query asks for, and its ResourceClaimTemplate and PodSpec."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

from gfd.clusterview.dra.device_counts import GPU_CLASS, MIG_CLASS, name_kind
from gfd.clusterview.dra.limits import MAX_ALTERNATIVES, MAX_DEVICES
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.tools.claim_templates.template import (
    MAX_NAME_LENGTH,
    build_body,
    build_request,
    make_name,
)
from gfd.tools.claim_templates.template import build_template as build_object
from gfd.tools.select.dra import clauses
from gfd.tools.select.dra.memory_clauses import build_memory, build_mig_memory
from gfd.tools.select.manifest import CONTAINER, build_tolerations

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gfd.clusterview.dra.model import Device
    from gfd.clusterview.nodes import Taint
    from gfd.tools.select.dra.clause import DeviceClause
    from gfd.tools.select.dra.product_names import NamedProduct
    from gfd.tools.select.query import DeviceQuery

_NAME = "gpu"
"""The name of the request, and of the claim in the pod."""
_OPERATORS = ((">=", " min "), ("<=", " max "), (">", " over "), ("<", " under "), ("+", " plus "))


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """One kind of device that is good enough; the scheduler takes the first that it can get."""

    name: str
    clauses: tuple[DeviceClause, ...]

    def accepts(self, device: Device) -> bool:
        """Return whether a device of the right class meets all clauses."""
        return all(clause.accepts(device) for clause in self.clauses)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceClaim:
    """What a claim asks for."""

    name: str
    """The name of the ResourceClaimTemplate."""
    device_class: str
    count: int
    alternatives: tuple[Alternative, ...]

    def accepts_kind(self, device: Device) -> bool:
        """Return whether a device is of the DeviceClass."""
        return name_kind(device).partition("/")[0] == self.device_class


def build_claim(query: DeviceQuery, named: Sequence[NamedProduct], devices: Sequence[Device]) -> DeviceClaim:
    """Return the claim for a query; ``devices`` are all that are known. Raises ConfigError."""
    if query.count > MAX_DEVICES:
        reason = (
            f"must be at most {MAX_DEVICES} with --dra, since a ResourceClaim holds no more: {query.count}"
        )
        raise ConfigError("--count", COMMAND_LINE, reason)
    common = []
    if query.mig_memory:
        common.append(build_mig_memory(query.mig_memory, devices))
    if query.memory:
        common.append(build_memory(query.memory, is_mig=query.is_mig))
    for option, texts in (("--compute", query.compute), ("--driver", query.driver), ("--cuda", query.cuda)):
        if texts:
            common.append(clauses.build_version(option, texts))
    choices = [
        [(each.text, clauses.build_product(each.text, each.names)) for each in named],
        [(family, clauses.build_family(family, devices)) for family in query.families],
        [(profile, clauses.build_profile(profile)) for profile in query.mig_profiles],
    ]
    combined = list(product(*filter(None, choices)))
    if len(combined) > MAX_ALTERNATIVES:
        reason = (
            f"the values of --product, --family and --mig-profile make {len(combined)} alternatives, and a "
            f"ResourceClaim takes at most {MAX_ALTERNATIVES}; leave out some values"
        )
        raise ConfigError("--dra", COMMAND_LINE, reason)
    alternatives: list[Alternative] = []
    for combination in combined:
        name = _make_name(text for text, _ in combination) or _NAME
        if any(each.name == name for each in alternatives):
            name = f"{name[: MAX_NAME_LENGTH - 3].rstrip('-')}-{len(alternatives)}"
        alternatives.append(Alternative(name=name, clauses=(*(clause for _, clause in combination), *common)))
    return DeviceClaim(
        name=_make_name(_list_words(query)),
        device_class=MIG_CLASS if query.is_mig else GPU_CLASS,
        count=query.count,
        alternatives=tuple(alternatives),
    )


def build_template(claim: DeviceClaim) -> dict[str, Any]:
    """Return the ResourceClaimTemplate."""
    bodies = {
        each.name: build_body(claim.device_class, claim.count, (clause.cel for clause in each.clauses))
        for each in claim.alternatives
    }
    return build_object(claim.name, [build_request(_NAME, bodies)])


def build_spec(claim: DeviceClaim, tolerations: Iterable[Taint]) -> dict[str, Any]:
    """Return the fields of a PodSpec that use a claim of the template."""
    tolerated = build_tolerations(tolerations)
    return {
        **({"tolerations": tolerated} if tolerated else {}),
        "resourceClaims": [{"name": _NAME, "resourceClaimTemplateName": claim.name}],
        "containers": [{"name": CONTAINER, "resources": {"claims": [{"name": _NAME}]}}],
    }


def _list_words(query: DeviceQuery) -> Iterable[str]:
    yield _NAME
    yield from (*query.products, *query.families, *query.mig_profiles)
    for word, texts in (
        ("mig", query.mig_memory),
        ("memory", query.memory),
        ("compute", query.compute),
        ("driver", query.driver),
        ("cuda", query.cuda),
    ):
        yield from (word, *texts) if texts else ()
    if query.count > 1:
        yield f"x{query.count}"


def _make_name(words: Iterable[str]) -> str:
    """Return a legal name made of the words."""
    text = " ".join(words).lower()
    for operator, word in _OPERATORS:
        text = text.replace(operator, word)
    return make_name(text)
