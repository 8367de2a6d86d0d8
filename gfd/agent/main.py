"""Build the service from its parts and run it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from gfd import __version__
from gfd.worker.fork_server import ForkServer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.agent.active_config import ActiveConfig
    from gfd.config.model import LoadedConfig
    from gfd.config.node_config import ConfigLoader


def run(load: ConfigLoader, loaded: LoadedConfig, environ: Mapping[str, str]) -> None:
    """Label this node until a signal ends the service. Raises GfdError if the service cannot start.

    ``loaded`` is the configuration to start with; ``load`` reads it again.
    """
    server = ForkServer()
    server.start()  # it imports its modules while this process does the same
    from gfd.agent.active_config import activate
    from gfd.agent.conditions import Conditions
    from gfd.agent.cycle import Labeler
    from gfd.agent.log import configure
    from gfd.agent.process_name import show_original_name
    from gfd.agent.reporter import Reporter
    from gfd.agent.service import Service
    from gfd.agent.status import Status
    from gfd.agent.systemd import Notifier
    from gfd.agent.watch_sources import watch_configuration, watch_feature_file, watch_hardware
    from gfd.agent.watcher import Watcher
    from gfd.kube import watch_status

    config = loaded.config
    log = configure(config.log_level, config.log_format)
    log.info("service.started", version=__version__, pid=os.getpid())
    status = Status()
    reporter = Reporter(status, Conditions(log), log)
    watch_status.subscribe(reporter.report_watch)

    def load_active() -> ActiveConfig:
        again = load()
        configure(again.config.log_level, again.config.log_format)
        return activate(again, reporter.report_sink_warning)

    watcher = Watcher(
        watch_hardware(config, environ), watch_configuration(config), watch_feature_file(config)
    )
    labeler = Labeler(load_active, server, watcher=watcher, reporter=reporter)
    if config.metrics_addr:
        from gfd.agent import pages

        pages.serve(config.metrics_addr, status, reporter.report_page_warning)
    service = Service(labeler, watcher, status=status, notifier=Notifier(environ), log=log)
    service.handle_signals()
    try:
        # Only now: whoever finds gfd by this name may send a signal at once.
        show_original_name(sys.argv[0])
    except OSError as error:
        log.info("name.not_shown", reason=str(error))
    load.watch(config, service.reload_soon)
    service.run()
