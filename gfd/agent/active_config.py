"""The configuration in force, with the request and the sinks that are made from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gfd.publishing.publisher import Publisher
from gfd.publishing.sinks import make_sinks
from gfd.worker.request import build_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config, LoadedConfig
    from gfd.worker.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveConfig:
    """A configuration in force."""

    request: Request
    """The request that each cycle sends to the process that reads the hardware."""
    publisher: Publisher
    warnings: tuple[str, ...] = ()
    """Warnings about the configuration. It can be used nevertheless."""

    @property
    def config(self) -> Config:
        """The options."""
        return self.request.config

    def is_same(self, request: Request) -> bool:
        """Return whether ``request`` differs from this one only in the time when it was loaded."""
        return request._replace(timestamp_s=self.request.timestamp_s) == self.request


def activate(loaded: LoadedConfig, warn: Callable[[str], None]) -> ActiveConfig:
    """Make the request and the sinks of a configuration; ``warn`` gets the warnings of sinks.

    Raises GfdError.
    """
    return ActiveConfig(
        request=build_request(loaded.config),
        publisher=Publisher(make_sinks(loaded.config, warn)),
        warnings=tuple(loaded.warnings),
    )
