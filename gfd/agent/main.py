"""The service, put together from its parts and run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gfd import __version__
from gfd.worker.fork_server import ForkServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.agent.conditions import Conditions
    from gfd.agent.status import Status
    from gfd.config.model import LoadedConfig
    from gfd.config.node_config import ConfigLoader


def run(load: ConfigLoader, loaded: LoadedConfig, environ: Mapping[str, str]) -> None:
    """Label this node until a signal ends the service. Raises GfdError where it cannot start.

    ``load`` reads the configuration again; ``loaded`` is what it read first.
    """
    server = ForkServer()
    server.start()  # it makes itself ready while this process does
    from gfd.agent.conditions import Conditions
    from gfd.agent.cycle import Agent, Setup
    from gfd.agent.fingerprints import feature_file, readers
    from gfd.agent.log import configure
    from gfd.agent.service import Service
    from gfd.agent.status import Status
    from gfd.agent.systemd import Notifier
    from gfd.agent.watcher import Watch
    from gfd.publishing.publisher import Publisher
    from gfd.publishing.sinks import make_sinks
    from gfd.worker.request import build_request

    config = loaded.config
    log = configure(config.log_level, config.log_format)
    log.info("service.started", version=__version__, pid=os.getpid())

    def setup() -> Setup:
        again = load()
        configure(again.config.log_level, again.config.log_format)
        sinks = make_sinks(again.config, lambda reason: log.warning("publish.warning", reason=reason))
        return Setup(request=build_request(again.config), publisher=Publisher(sinks), warnings=again.warnings)

    status = Status()
    conditions = Conditions(log)
    _report_watches(status, conditions)
    watch = Watch(*readers(config, environ), feature_file(config))
    agent = Agent(setup, server, watch=watch, status=status, conditions=conditions, log=log)
    if config.metrics_addr:
        from gfd.agent import pages

        pages.serve(
            config.metrics_addr,
            status,
            lambda reason: conditions.report("pages", "http.warning", reason=reason),
        )
    service = Service(agent, watch, status=status, notifier=Notifier(environ), log=log)
    load.watch(config, service.reload_soon)
    service.run()


def _report_watches(status: Status, conditions: Conditions) -> None:
    """Let watches on objects of the API server that fail be told, in the log and by /readyz."""
    from gfd.kube import watch_status

    def tell(watched: str, reason: str) -> None:
        if reason:
            status.record_watch_failure(watched, reason)
            conditions.report(f"watch on {watched}", "watch.failed", watched=watched, reason=reason)
        else:
            status.record_watch_recovery(watched)
            conditions.resolve(f"watch on {watched}")

    watch_status.subscribe(tell)
