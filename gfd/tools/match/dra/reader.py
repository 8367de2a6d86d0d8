"""Read the fields of ResourceClaims and DeviceClasses; refuse what the API server refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.dra.limits import MAX_ALTERNATIVES, MAX_ITEMS
from gfd.errors import DocumentError
from gfd.kube.quantities import parse
from gfd.tools.match.cel import CelMissing, CompileError, NotSupported, compile_expression
from gfd.tools.match.dra import rules
from gfd.tools.match.dra.configurations import check_configurations
from gfd.tools.match.dra.model import (
    ChoiceRequest,
    ClaimConstraint,
    ClaimSpec,
    DeviceClass,
    DeviceRequest,
    DeviceSelector,
)
from gfd.tools.match.dra.references import check_references
from gfd.tools.match.manifests.text_places import find_place
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.rules import check
from gfd.tools.match.podspec.scheduling import Toleration

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from fractions import Fraction

    from gfd.documents.value import Value
    from gfd.tools.match.podspec.rules import Rules, T

_EXACT_FIELDS = (
    "deviceClassName",
    "selectors",
    "allocationMode",
    "count",
    "tolerations",
    "capacity",
    "derivedAttributes",
    "adminAccess",
)
_ADMIN_LABEL = "resource.kubernetes.io/admin-access"


class ClaimReader:
    """Reads the specs of claims and classes."""

    def __init__(self, text: str | None = None) -> None:
        """``text`` is that of the file with the objects; None if the API server has accepted them already."""
        self._is_stored, self._text = text is None, text or ""

    def read_class(self, name: str, spec: Value) -> DeviceClass:
        """Return the DeviceClass with this spec. Raises DocumentError."""
        self.check_keys(spec, "selectors", "config", "extendedResourceName")
        resource = spec.member("extendedResourceName")
        if resource:
            self.check(resource, resource.text(), rules.EXTENDED_RESOURCE)
        if not self._is_stored:
            check_configurations(spec, None)
        return DeviceClass(
            name=name,
            selectors=self._read_selectors(spec),
            extended_resource=resource.text() if resource else "",
        )

    def read_claim(self, spec: Value, owner: Value) -> ClaimSpec:
        """Return the claim with this spec, without its name. Raises DocumentError."""
        self.check_keys(spec, "devices")
        devices = spec.field("devices")
        self.check_keys(devices, "requests", "constraints", "config")
        requests = self._read_requests(devices)
        names = tuple(_list_names(requests))
        if not self._is_stored:
            check_configurations(devices, names)
        return ClaimSpec(
            name="",
            requests=requests,
            constraints=tuple(self._read_constraints(devices, names)),
            unjudged=tuple(_find_unjudged(devices, is_stored=self._is_stored)),
            place=_place(owner),
        )

    def check_keys(self, value: Value, *known: str) -> None:
        """Raise DocumentError for an unknown key, unless the API server has accepted it."""
        if not self._is_stored:
            value.only(*known)

    def check(self, value: Value, subject: T, broken: Rules[T]) -> None:
        """Raise DocumentError for a rule that the subject breaks, unless the object is stored already."""
        if not self._is_stored:
            check(value, subject, broken)

    def _list(self, value: Value, name: str, maximum: int = MAX_ITEMS) -> list[Value]:
        items = read_items(value, name)
        self.check(value.field(name), rules.Size(len(items), maximum), rules.SIZE)
        return items

    def _read_requests(self, devices: Value) -> tuple[DeviceRequest | ChoiceRequest, ...]:
        found: dict[str, DeviceRequest | ChoiceRequest] = {}
        for item in self._list(devices, "requests"):
            request = self._read_request(item, known=found.keys())
            found[request.name] = request
        return tuple(found.values())

    def _read_request(self, item: Value, known: Container[str]) -> DeviceRequest | ChoiceRequest:
        name, exactly = read_text(item, "name"), item.member("exactly")
        alternatives = self._list(item, "firstAvailable", MAX_ALTERNATIVES)
        shape = rules.RequestShape(
            name=name,
            is_repeated=name in known,
            has_exactly=exactly is not None,
            has_alternatives=bool(alternatives),
            is_flat=item.member("deviceClassName") is not None,
        )
        self.check(item, shape, rules.REQUEST)
        self.check_keys(item, "name", "exactly", "firstAvailable")
        if exactly:
            self.check_keys(exactly, *_EXACT_FIELDS)
            return self._read_exact(exactly, name)
        if not alternatives:
            raise item.error("asks for devices in a way that gfd does not know; update gfd")
        found: dict[str, DeviceRequest] = {}
        for each in alternatives:
            own = read_text(each, "name")
            shape = rules.RequestShape(
                name=own, is_repeated=own in found, has_exactly=True, has_alternatives=False, is_flat=False
            )
            self.check(each, shape, rules.REQUEST)
            self.check_keys(each, "name", *_EXACT_FIELDS[:-1])
            found[own] = self._read_exact(each, f"{name}/{own}")
        return ChoiceRequest(name=name, alternatives=tuple(found.values()), place=_place(item))

    def _read_exact(self, value: Value, name: str) -> DeviceRequest:
        class_name = read_text(value, "deviceClassName")
        self.check(value.field("deviceClassName"), class_name, rules.CLASS_NAME)
        mode, count = read_text(value, "allocationMode") or rules.EXACT_COUNT, value.member("count")
        number = count.integer() if count else 0
        self.check(value, rules.Count(mode, number), rules.COUNT)
        access = value.member("adminAccess")
        return DeviceRequest(
            name=name,
            class_name=class_name,
            selectors=self._read_selectors(value),
            count=None if mode == rules.ALL else number or 1,
            has_admin_access=access.boolean() if access else False,
            tolerations=tuple(map(self._read_toleration, read_items(value, "tolerations"))),
            capacity=self._read_capacity(value),
            place=_place(value),
        )

    def _read_selectors(self, value: Value) -> tuple[DeviceSelector, ...]:
        return tuple(map(self._read_selector, self._list(value, "selectors")))

    def _read_selector(self, item: Value) -> DeviceSelector:
        self.check_keys(item, "cel")
        cel = item.member("cel")
        if cel is None:
            raise item.field("cel").error("is missing; write cel: {expression: …}")
        self.check_keys(cel, "expression")
        expression = cel.field("expression")
        text = read_text(cel, "expression")
        self.check(expression, text, rules.EXPRESSION)
        if not self._is_stored:
            self._compile(expression, text)
        return DeviceSelector(expression=text, place=_place(expression))

    def _compile(self, value: Value, expression: str) -> None:
        """Raise DocumentError if the API server refuses an expression; without the extra, this is unknown."""
        try:
            compile_expression(expression)
        except (CelMissing, NotSupported):
            return  # the judge says so
        except CompileError as error:
            line, column = find_place(self._text, value, error.line, error.column)
            place = "" if column else f" (line {error.line}, column {error.column} of the expression)"
            reason = f"is not valid CEL: {error.message}{place}"
            raise DocumentError(value.source, line, reason, value.path, column=column) from error

    def _read_toleration(self, item: Value) -> Toleration:
        self.check_keys(item, "key", "operator", "value", "effect", "tolerationSeconds")
        found = Toleration(
            key=read_text(item, "key"),
            operator=read_text(item, "operator") or "Equal",
            value=read_text(item, "value"),
            effect=read_text(item, "effect"),
        )
        self.check(item, found, rules.TOLERATION)
        return found

    def _read_capacity(self, value: Value) -> dict[str, Fraction]:
        capacity = value.member("capacity")
        if capacity is None:
            return {}
        self.check_keys(capacity, "requests")
        found = {}
        for name, each in capacity.field("requests").mapping().items():
            try:
                found[name] = parse(str(each.content))
            except ValueError as error:
                raise each.error(str(error)) from None
        return found

    def _read_constraints(self, devices: Value, names: tuple[str, ...]) -> Iterator[ClaimConstraint]:
        for item in self._list(devices, "constraints"):
            self.check_keys(item, "requests", "matchAttribute", "distinctAttribute")
            requests = tuple(map(read_text, read_items(item, "requests")))
            match, distinct = item.member("matchAttribute"), item.member("distinctAttribute")
            if not self._is_stored:
                check_references(item, names)
            if match is None and distinct is None:
                raise item.error("says nothing about devices; add matchAttribute or distinctAttribute")
            for each in filter(None, (match, distinct)):
                self.check(each, each.text(), rules.ATTRIBUTE)
            yield ClaimConstraint(
                requests=requests,
                match_attribute=match.text() if match else "",
                distinct_attribute=distinct.text() if distinct and not match else "",
            )


def _place(value: Value) -> str:
    return f"{value.source}:{value.line}" if value.line else value.source


def _list_names(requests: tuple[DeviceRequest | ChoiceRequest, ...]) -> Iterator[str]:
    for request in requests:
        yield request.name
        if isinstance(request, ChoiceRequest):
            yield from (each.name for each in request.alternatives)


def _find_unjudged(devices: Value, *, is_stored: bool) -> Iterator[str]:
    """Yield what the claim has but gfd cannot judge."""
    for request in read_items(devices, "requests"):
        name, exactly = read_text(request, "name"), request.member("exactly")
        for each in [exactly] if exactly else read_items(request, "firstAvailable"):
            if read_items(each, "derivedAttributes"):
                yield f"derivedAttributes: gfd does not compute those of the request {name}"
            if not is_stored and each.field("adminAccess").content is True:
                yield (
                    f"adminAccess: the API server accepts the request {name} only in a namespace with the"
                    f" label {_ADMIN_LABEL}=true"
                )
