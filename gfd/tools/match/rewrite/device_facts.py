"""Translate requirements on memory, versions, architecture and parts of a device."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU
from gfd.kube.requirements import Requirement, parse_integer
from gfd.labels.syntax import VENDOR
from gfd.tools.claim_templates.expressions import ATTRIBUTES, CAPACITY, quote
from gfd.tools.match.rewrite.translation import Outcome, Translation, guard, keep, lose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.tools.match.rewrite.kinds import DeviceKind

Test = Callable[[Requirement], "str | None"]
"""Returns CEL for the values of a requirement; None if no device can have such a value."""

_VERSIONS = {
    "cuda.driver-version": "driverVersion",
    "cuda.driver": "driverVersion",
    "cuda.runtime-version": "cudaDriverVersion",
    "cuda.runtime": "cudaDriverVersion",
    "gpu.compute": "cudaComputeCapability",
}
"""The beginning of labels -> the attribute."""
_NUMBERS = {"major": "major", "minor": "minor", "revision": "patch", "rev": "patch"}
"""The end of these labels -> the function of a semantic version."""
_CAPACITIES = {
    "multiprocessors": "multiprocessors",
    "engines.copy": "copyEngines",
    "engines.decoder": "decoders",
    "engines.encoder": "encoders",
    "engines.jpeg": "jpegEngines",
    "engines.ofa": "ofaEngines",
}
"""The end of labels of MIG devices -> the capacity, which whole GPUs do not have."""
_VERSION = re.compile(r"[0-9]+(\.[0-9]+){0,2}")


def translate_device_fact(
    requirement: Requirement, kind: DeviceKind, architectures: Mapping[str, str]
) -> Translation | None:
    """Return what becomes of a requirement; None if the label is about something else.

    ``architectures`` are the values of the attribute, by the value of the label.
    """
    if found := _find_attribute(requirement.key, architectures):
        return guard(requirement, *found)
    if not requirement.key.startswith(kind.prefix):
        return None
    own = requirement.key.removeprefix(kind.prefix)
    if own == "count":
        return _translate_count(requirement, kind)
    if own in ("slices.gi", "slices.ci") and kind.profile:
        slices = kind.profile.partition("g.")[0]
        is_met = requirement.matches({requirement.key: slices})
        return Translation(outcome=Outcome.IMPLIED) if is_met else keep(requirement)
    name = "memory" if own == "memory" else _CAPACITIES.get(own, "") if kind.profile else ""
    path = f"{CAPACITY}.{name}"
    return guard(requirement, path, partial(_test_amount, path)) if name else None


def _find_attribute(key: str, architectures: Mapping[str, str]) -> tuple[str, Test] | None:
    """Return the attribute that a label is made of, and the test of its values; None for other labels."""
    begin, _, end = key.removeprefix(VENDOR).rpartition(".")
    if key == f"{GPU}.family":
        path = f"{ATTRIBUTES}.architecture"
        return path, partial(_test_text, path, architectures)
    path = f"{ATTRIBUTES}.{_VERSIONS.get(begin)}"
    if begin in _VERSIONS and end == "full":
        return path, partial(_test_version, path)
    if begin in _VERSIONS and end in _NUMBERS:
        return path, partial(_test_number, f"{path}.{_NUMBERS[end]}()")
    return None


def _translate_count(requirement: Requirement, kind: DeviceKind) -> Translation:
    if all(requirement.matches({requirement.key: str(count)}) for count in range(1, 100)):
        return Translation(outcome=Outcome.IMPLIED)  # a node whose device is claimed has at least one
    if kind.is_named_by_product:
        reason = "is left out, since it counts MIG devices only with the MIG strategy single"
        step = f"write nvidia.com/mig-{kind.profile}.count, and run gfd with --allocation dra or auto"
        return lose(requirement, reason, step)
    return keep(requirement)


def _test_text(path: str, texts: Mapping[str, str], requirement: Requirement) -> str | None:
    if requirement.operator in ("Gt", "Lt"):
        return None
    values = [quote(texts[value]) for value in requirement.values if value in texts]
    return _join_values(path, values)


def _test_number(number: str, requirement: Requirement) -> str | None:
    """Return a test of a part of a version; an empty revision is 0, as in the attribute."""
    found = [parse_integer(value or "0") for value in requirement.values]
    values = [str(value) for value in found if value is not None]
    if requirement.operator in ("Gt", "Lt"):
        sign = ">" if requirement.operator == "Gt" else "<"
        return f"{number} {sign} {values[0]}" if values else None
    return _join_values(number, values)


def _join_values(subject: str, values: list[str]) -> str | None:
    if len(values) == 1:
        return f"{subject} == {values[0]}"
    return f"{subject} in [{', '.join(values)}]" if values else None


def _test_version(path: str, requirement: Requirement) -> str | None:
    if requirement.operator in ("Gt", "Lt"):
        return None
    versions = [_to_semver(value) for value in requirement.values if _VERSION.fullmatch(value)]
    return _join_tests([f"{path}.compareTo(semver('{each}')) == 0" for each in versions])


def _to_semver(text: str) -> str:
    numbers = [str(int(part)) for part in text.split(".")]
    return ".".join((*numbers, "0", "0")[:3])


def _test_amount(path: str, requirement: Requirement) -> str | None:
    """Return a test of an amount; the label has whole units, and less than one is left out of it."""
    found = [parse_integer(value) for value in requirement.values]
    numbers = [each for each in found if each is not None and each >= 0]
    unit = "Mi" if path.endswith(".memory") else ""

    def compare(sign: str, number: int) -> str:
        return f"{path}.compareTo(quantity('{number}{unit if number else ''}')) {sign} 0"

    if not numbers:
        return None
    if requirement.operator == "Gt":
        return compare(">=", numbers[0] + 1)
    if requirement.operator == "Lt":
        return compare("<", numbers[0])
    return _join_tests([f"{compare('>=', each)} &&\n{compare('<', each + 1)}" for each in numbers])


def _join_tests(tests: list[str]) -> str | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return "(" + " ||\n".join(f"({each})" if "&&" in each else each for each in tests) + ")"
