"""Translate a requirement on a label of nodes to a condition on devices."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import is_product
from gfd.labels.syntax import CLIQUE, OPERATOR_KEY, VENDOR
from gfd.text import escape
from gfd.tools.match.rewrite.remark import Remark

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.kube.requirements import Requirement


class Outcome(Enum):
    """What becomes of a requirement."""

    CLAIMED = "a selector of the claim says the same"
    IMPLIED = "every device that the claim can get meets it"
    KEPT = "it stays a requirement on labels of nodes"
    LOST = "it is left out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What becomes of a requirement, for one kind of device."""

    outcome: Outcome
    expression: str = ""
    """The CEL expression, if it is claimed."""
    remark: Remark | None = None


def guard(requirement: Requirement, path: str, test: Callable[[Requirement], str | None]) -> Translation:
    """Return the translation to a condition on the attribute or capacity ``path``, which may be absent.

    ``test`` returns CEL for the values of In, NotIn, Gt and Lt; None if no device can have such a value. A
    node whose label is absent meets only NotIn and DoesNotExist; the same holds for a device.
    """
    operator = requirement.operator
    if operator in ("Exists", "DoesNotExist"):
        return Translation(
            outcome=Outcome.CLAIMED, expression=f"{'!' * (operator == 'DoesNotExist')}has({path})"
        )
    found = test(requirement)
    if operator == "NotIn":
        if found is None:
            return Translation(outcome=Outcome.IMPLIED)
        return Translation(outcome=Outcome.CLAIMED, expression=f"!has({path}) ||\n!({found})")
    if found is None:
        return keep(requirement)  # no node has such a value, and nothing in a claim says that better
    return Translation(outcome=Outcome.CLAIMED, expression=f"has({path}) &&\n{found}")


def keep(requirement: Requirement) -> Translation:
    """Return that the requirement stays, with a remark if it is about a label of NVIDIA."""
    return Translation(outcome=Outcome.KEPT, remark=_explain_kept(requirement))


def lose(requirement: Requirement, reason: str, step: str) -> Translation:
    """Return that the requirement is left out."""
    return Translation(outcome=Outcome.LOST, remark=describe(requirement, reason, step, is_lost=True))


def describe(requirement: Requirement, reason: str, step: str = "", *, is_lost: bool = False) -> Remark:
    """Return a remark about a requirement."""
    return Remark(
        line=requirement.line, subject=escape(str(requirement)), reason=reason, step=step, is_lost=is_lost
    )


def _is_written_by_others(key: str) -> bool:
    """Return whether a label with NVIDIA's prefix does not come from gfd, as far as the key tells."""
    return bool(OPERATOR_KEY.fullmatch(key)) or key == f"{VENDOR}device-plugin.config"


def _explain_kept(requirement: Requirement) -> Remark | None:
    key = requirement.key
    if not key.startswith(VENDOR):
        return None
    if _is_written_by_others(key):
        return describe(requirement, "stays; gfd does not write it", "check that nodes with DRA have it")
    if key == CLIQUE:
        return describe(requirement, "stays, since no device tells it; NVIDIA's DRA driver or gfd writes it")
    reason = "stays, since it describes the node" if not is_product(key) else "stays"
    return describe(requirement, reason, "run gfd with --allocation dra or auto on nodes with DRA")
