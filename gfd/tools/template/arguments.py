"""Parse what the command line says about a template: resources, taints, the driver version."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.clusterview.nodes import Taint
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError
from gfd.kube.quantities import parse, parse_count
from gfd.labels.syntax import explain_domain, explain_key, explain_value
from gfd.text import join_words, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_DIVISIBLE = ("cpu", "memory", "ephemeral-storage")
"""Resources that need not be whole numbers."""
_DRIVER = re.compile(r"[0-9]+\.[0-9]+(?:\.[0-9]+)?")


def parse_resources(words: Iterable[str]) -> dict[str, str]:
    """Return the quantities by name for words such as ``cpu=96``. Raises ConfigError."""
    resources = {}
    for word in words:
        name, equals, quantity = word.partition("=")
        reason = explain_key(name) if equals else "write one like cpu=96 or memory=1Ti"
        if not reason:
            try:
                if (parse if name in _DIVISIBLE else parse_count)(quantity) < 0:
                    reason = f"{quantity} is below zero"
            except ValueError as error:
                reason = f"{name} {error}"
        if reason:
            raise ConfigError("--resource", COMMAND_LINE, f"{quote(word)}: {reason}")
        resources[name] = quantity
    return resources


def parse_taints(words: Iterable[str]) -> tuple[Taint, ...]:
    """Return the taints for words such as ``nvidia.com/gpu=present:NoSchedule``. Raises ConfigError."""
    return tuple(map(_parse_taint, words))


def _parse_taint(word: str) -> Taint:
    pair, _, effect = word.rpartition(":")
    key, _, value = pair.partition("=")
    reason = ""
    if effect not in EFFECTS:
        reason = f"the effect must be {join_words(EFFECTS)}: write one like nvidia.com/gpu=present:NoSchedule"
    reason = reason or explain_key(key) or explain_value(value)
    if reason:
        raise ConfigError("--taint", COMMAND_LINE, f"{quote(word)}: {reason}")
    return Taint(key=key, value=value, effect=effect)


def check_driver(driver: str | None) -> str | None:
    """Return the driver version. Raises ConfigError if it is none."""
    if driver is not None and not _DRIVER.fullmatch(driver):
        reason = f"{quote(driver)} is not a driver version; write one like 580.95.05, as nvidia-smi prints it"
        raise ConfigError("--driver", COMMAND_LINE, reason)
    return driver


def check_name(name: str | None) -> str | None:
    """Return the name of the object to print. Raises ConfigError if Kubernetes refuses it."""
    if name is not None and (reason := explain_domain(name)):
        raise ConfigError("--name", COMMAND_LINE, f"{quote(name)}: the name {reason}")
    return name
