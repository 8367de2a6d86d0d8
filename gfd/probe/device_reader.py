"""Asking a device for facts, one by one, and keeping book of those that fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import Failure
from gfd.probe.nvml import UNKNOWN_QUESTION

if TYPE_CHECKING:
    from gfd.probe.nvml import Session


class DeviceReader:
    """The facts of one device, and the failures among them."""

    def __init__(self, session: Session, device: str) -> None:
        self.session = session
        self.device = device
        self.failures: list[Failure] = []

    def read(self, fact: str, function: str, *arguments: Any) -> Any:
        """Return a fact; None, with a record of why, where it cannot be read."""
        try:
            return self.session.ask(function, *arguments, device=self.device)
        except NvmlCallFailed as error:
            self.record(fact, error)
            return None

    def read_optional(self, fact: str, function: str, *arguments: Any) -> Any:
        """Return a fact; None, and no record, where the device or driver does not know the question."""
        try:
            return self.ask_if_known(function, *arguments)
        except NvmlCallFailed as error:
            self.record(fact, error)
            return None

    def ask_if_known(self, function: str, *arguments: Any) -> Any:
        """Return an answer; None where the device or driver does not know the question.

        Raises NvmlCallFailed where the answer is another error.
        """
        try:
            return self.session.ask(function, *arguments, device=self.device)
        except NvmlCallFailed as error:
            if error.code in UNKNOWN_QUESTION:
                return None
            raise

    def record(self, fact: str, error: NvmlCallFailed) -> None:
        """Note that ``fact`` is unknown because of ``error``."""
        self.failures.append(as_failure(fact, error))


def as_failure(fact: str, error: NvmlCallFailed) -> Failure:
    """Return ``error`` as the reason why ``fact`` is unknown."""
    return Failure(fact=fact, source=error.function, device=error.device, reason=error.text, code=error.code)
