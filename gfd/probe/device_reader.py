"""Read facts of one device through NVML, and record those that cannot be read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import NvmlCallFailed
from gfd.inventory.model import FactFailure
from gfd.probe.nvml import NOT_AVAILABLE

if TYPE_CHECKING:
    from gfd.probe.nvml import Session


class DeviceReader:
    """Reads the facts of one device and collects the failures."""

    def __init__(self, session: Session, device: str) -> None:
        """``device`` is its name in messages: ``GPU 0``, or empty for the whole system."""
        self.session = session
        self.device = device
        self.failures: list[FactFailure] = []

    def read(self, fact: str, function: str, *arguments: Any) -> Any:
        """Return a fact; record a failure and return None if it cannot be read."""
        try:
            return self.session.call(function, *arguments, device=self.device)
        except NvmlCallFailed as error:
            self.record(fact, error)
            return None

    def read_optional(self, fact: str, function: str, *arguments: Any) -> Any:
        """Return a fact, as :meth:`read` does; record nothing if device or driver lack it."""
        try:
            return self.call_if_available(function, *arguments)
        except NvmlCallFailed as error:
            self.record(fact, error)
            return None

    def call_if_available(self, function: str, *arguments: Any) -> Any:
        """Call an NVML function; return None if the device or the driver does not support it.

        Raises NvmlCallFailed for any other error.
        """
        try:
            return self.session.call(function, *arguments, device=self.device)
        except NvmlCallFailed as error:
            if error.code in NOT_AVAILABLE:
                return None
            raise

    def record(self, fact: str, error: NvmlCallFailed) -> None:
        """Record that ``fact`` could not be read because of ``error``."""
        self.failures.append(to_failure(fact, error))


def to_failure(fact: str, error: NvmlCallFailed) -> FactFailure:
    """Return a record that ``fact`` could not be read because of ``error``."""
    return FactFailure(
        fact=fact, source=error.function, device=error.device, reason=error.text, code=error.code
    )
