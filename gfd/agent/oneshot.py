"""``gfd --oneshot``: label this node once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.worker import single_run
from gfd.worker.request import build_request

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.config.model import Config
    from gfd.errors import PublishError


def run(config: Config, warn: Callable[[str], None]) -> tuple[PublishError, ...]:
    """Read and publish; return the errors of sinks. Raises GfdError if the hardware cannot be read.

    ``warn`` is called with each warning.
    """
    wait = single_run.start(build_request(config))
    # Import the rest while the child reads.
    from gfd.publishing.publisher import Publisher
    from gfd.publishing.sinks import make_sinks

    publisher = Publisher(make_sinks(config, warn))
    result = wait()
    for warning in result.warnings():
        warn(warning)
    published = publisher.publish(result.labels)
    publisher.close()
    return published.errors
