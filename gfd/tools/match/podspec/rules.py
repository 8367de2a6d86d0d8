"""The API server's rules for the fields that ``gfd match`` reads: what a rule is, and the rules about nodes.

:mod:`.pod_rules` has those about ports and other pods, :mod:`.resource_rules` those about amounts. A rule has
the field, the check, the message and the next step. The messages are gfd's own; tests/cluster checks that gfd
and a real API server refuse the same pods. A new rule needs a row here, and one in
tests/tools/match/podspec/refusals.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from gfd.clusterview.device_counts import is_product
from gfd.kube.requirements import OPERATORS, parse_integer
from gfd.labels.products import extract_model, extract_suffix, shorten_product
from gfd.labels.syntax import explain_domain, explain_key, explain_value, sanitise
from gfd.text import join_words
from gfd.tools.match.podspec.scheduling import EFFECTS, NAME_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.documents.value import Value
    from gfd.kube.requirements import Requirement
    from gfd.tools.match.podspec.scheduling import Toleration

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Generic[T]):
    """One rule of the API server."""

    field: str = ""
    """The member that the error points at; empty for the value itself."""
    is_broken: Callable[[T], bool | str]
    """Returns True, or the reason in words, if the value breaks the rule."""
    message: str
    """The message; ``{0}`` is the checked subject, ``{reason}`` the result of the check."""
    fix: str = ""
    """The next step; ``{0}`` is the checked subject."""


Rules = tuple[Rule[T], ...]


class Label(NamedTuple):
    """A label that a pod requires."""

    key: str
    value: str

    @property
    def advice(self) -> str:
        """Return a hint at the product that gfd publishes for an illegal one; empty for other labels."""
        if not is_product(self.key):
            return ""
        product = sanitise(self.value)
        short = shorten_product(extract_model(product), extract_suffix(product))
        return f"gfd publishes {short}" if short else ""


NODE_NAME: Rules[str] = (
    Rule(is_broken=explain_domain, message="{0!r} is not a node name: the name {reason}"),
)

OBJECT_NAME: Rules[str] = (
    Rule(is_broken=explain_domain, message="{0!r} is not the name of an object: the name {reason}"),
)

GENERATED_NAME: Rules[str] = (
    Rule(
        # Kubernetes appends letters and digits.
        is_broken=lambda prefix: explain_domain(f"{prefix}x"),
        message="{0!r} is not the beginning of a name: the name {reason}",
    ),
)

NODE_LABEL: Rules[Label] = (
    Rule(is_broken=lambda it: explain_key(it.key), message="{0.key!r} is not a label key: {reason}"),
    Rule(
        is_broken=lambda it: explain_value(it.value),
        message="{0.value!r} is not a label value: {reason}",
        fix="{0.advice}",
    ),
)

NEEDS_VALUES: Rule[Requirement] = Rule(
    field="values",
    is_broken=lambda it: it.operator in ("In", "NotIn") and not it.values,
    message="the operator {0.operator} needs values",
)
TAKES_NO_VALUES: Rule[Requirement] = Rule(
    field="values",
    is_broken=lambda it: it.operator in ("Exists", "DoesNotExist") and bool(it.values),
    message="the operator {0.operator} takes no values",
    fix="remove them, or choose In or NotIn",
)
HAS_LABEL_KEY: Rule[Requirement] = Rule(
    field="key",
    is_broken=lambda it: explain_key(it.key),
    message="{0.key!r} is not a label key: {reason}",
)

EXPRESSION: Rules[Requirement] = (
    Rule(
        field="operator",
        is_broken=lambda it: it.operator not in OPERATORS,
        message="{0.operator!r} is not an operator",
        fix=f"choose {join_words(OPERATORS)}",
    ),
    NEEDS_VALUES,
    Rule(
        field="values",
        is_broken=lambda it: it.operator in ("Gt", "Lt") and len(it.values) != 1,
        message="the operator {0.operator} needs exactly one value",
    ),
    TAKES_NO_VALUES,
    HAS_LABEL_KEY,
)

PREFERRED_NUMBER: Rules[Requirement] = (
    Rule(
        is_broken=lambda it: it.operator in ("Gt", "Lt") and parse_integer(it.values[0]) is None,
        message="{0.values[0]!r} is not a whole number; kube-scheduler fails on it if two nodes fit",
        fix="write a whole number",
    ),
)
"""Values that the API server accepts, but with which kube-scheduler cannot compare nodes."""

FIELD_EXPRESSION: Rules[Requirement] = (
    Rule(
        field="operator",
        is_broken=lambda it: it.operator not in ("In", "NotIn"),
        message="{0.operator!r} is not an operator of matchFields",
        fix="choose In or NotIn",
    ),
    Rule(
        field="values",
        is_broken=lambda it: len(it.values) != 1,
        message="matchFields needs exactly one value",
    ),
    Rule(
        field="key",
        is_broken=lambda it: it.key != NAME_FIELD,
        message="{0.key!r} is not a field that matchFields knows",
        fix=f"write {NAME_FIELD}, or use matchExpressions for a label",
    ),
)

WEIGHT: Rules[int] = (
    Rule(
        field="weight",
        is_broken=lambda weight: not 1 <= weight <= 100,
        message="{0} is not a weight",
        fix="write a number from 1 to 100",
    ),
)

TOLERATION_OF_ANY_TAINT: Rules[Toleration] = (
    Rule(
        field="key",
        is_broken=lambda it: explain_key(it.key) if it.key else "",
        message="{0.key!r} is not the key of a taint: {reason}",
    ),
    Rule(
        field="operator",
        is_broken=lambda it: it.operator not in ("Equal", "Exists"),
        message="{0.operator!r} is not an operator of tolerations",
        fix="choose Equal or Exists",
    ),
    Rule(
        field="value",
        is_broken=lambda it: it.operator == "Exists" and bool(it.value),
        message="the operator Exists takes no value",
        fix="remove the value, or choose Equal",
    ),
    Rule(
        field="value",
        is_broken=lambda it: explain_value(it.value),
        message="{0.value!r} is not the value of a taint: {reason}",
    ),
)
"""The rules for tolerations of pods and of requests for devices."""

TOLERATION: Rules[Toleration] = (
    *TOLERATION_OF_ANY_TAINT,
    Rule(
        field="operator",
        is_broken=lambda it: not it.key and it.operator != "Exists",
        message="a toleration without a key needs the operator Exists",
        fix="add the key of the taint, or operator: Exists to tolerate all taints",
    ),
    Rule(
        field="effect",
        is_broken=lambda it: bool(it.effect) and it.effect not in EFFECTS,
        message="{0.effect!r} is not an effect of taints",
        fix=f"choose {join_words(EFFECTS)}",
    ),
    Rule(
        field="tolerationSeconds",
        is_broken=lambda it: it.seconds is not None and it.effect != "NoExecute",
        message="tolerationSeconds needs the effect NoExecute",
        fix="add effect: NoExecute, or remove tolerationSeconds",
    ),
)

RESTART_POLICY: Rules[str] = (
    Rule(
        is_broken=lambda policy: policy not in ("Always", "Never", "OnFailure"),
        message="{0!r} is not a restart policy",
        fix="choose Always, Never or OnFailure",
    ),
)


def check(value: Value, subject: T, rules: Rules[T]) -> None:
    """Raise DocumentError at ``value`` for the first of ``rules`` that ``subject`` breaks."""
    for rule in rules:
        if broken := rule.is_broken(subject):
            place = value.field(rule.field) if rule.field else value
            texts = (text.format(subject, reason=broken) for text in (rule.message, rule.fix))
            raise place.error("; ".join(filter(None, texts)))
