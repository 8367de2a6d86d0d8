"""``gfd nodes --watch``: the table, and what becomes of it.

Nodes and pods are each listed once and then watched, whole: what is allocatable, and what is requested,
stands in no smaller answer of the API server. Most of what is heard changes no row and is let go at once.
"""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from gfd.clusterview.cluster import ON_NODES, connect
from gfd.clusterview.listing import FORBIDDEN
from gfd.clusterview.nodes import read_node
from gfd.clusterview.pods import read_pod_request
from gfd.config.options import COMMAND_LINE
from gfd.errors import ApiError, ConfigError
from gfd.kube.paths import NODES, PODS
from gfd.text import print_error
from gfd.tools.nodes import listing, views
from gfd.tools.nodes.feed import Feed
from gfd.tools.nodes.index import Census

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.nodes import Node
    from gfd.clusterview.pods import PodRequest
    from gfd.config.load import Loaded
    from gfd.tools.nodes.listing import Asked

T = TypeVar("T")

_Change = Callable[[], None]
"""What another thread has heard of, to be carried out in the one that shows."""


def watch(loaded: Loaded, asked: Asked) -> None:
    """Show the rows and go on until interrupted, or until nobody reads any more. Raises GfdError."""
    if asked.nodes_file is not None or loaded.config.simulate:
        raise ConfigError("--watch", COMMAND_LINE, "needs the cluster: nothing else changes")
    api = connect(loaded)
    query = {"labelSelector": asked.selector.text} if asked.selector else {}
    nodes = Feed(api, NODES, _keyed_node, query=query, what="nodes")
    pods = Feed(api, PODS, _keyed_pod, query=ON_NODES, what="pods")
    try:
        _Show(asked).run(nodes, pods)
    except KeyboardInterrupt:
        return


class _Show:
    """The thread that shows; others follow the collections and hand over what they hear."""

    def __init__(self, asked: Asked) -> None:
        self._view = views.choose(asked)
        self._changes: SimpleQueue[_Change] = SimpleQueue()
        self._troubles: dict[str, str] = {}
        self._census = Census()

    def run(self, nodes: Feed[Node], pods: Feed[PodRequest]) -> None:
        self._census.replace_nodes(nodes.read())
        try:
            self._census.replace_pods(pods.read())
            self._start(self._follow, pods, self._census.replace_pods, self._census.change_pod)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            self._census.is_counted = False
            print_error(listing.UNCOUNTED.format(listing.NO_PODS))
        self._start(self._follow, nodes, self._census.replace_nodes, self._census.change_node)
        self._start(self._wait_for_readers)
        while True:
            self._view.show(self._census, self._census.settle(), "; ".join(self._troubles.values()))
            self._hear()

    def _hear(self) -> None:
        """Wait for a change and carry it out, with all that come soon after it."""
        try:
            self._changes.get(timeout=self._view.again_s)()
        except Empty:
            return
        time.sleep(self._view.gather_s)
        while not self._changes.empty():
            self._changes.get()()

    def _follow(
        self,
        feed: Feed[T],
        replace: Callable[[Mapping[str, T]], None],
        change: Callable[[str, T | None], None],
    ) -> None:
        put = self._changes.put
        try:
            feed.follow(
                lambda found: put(lambda: replace(found)),
                lambda key, value: put(lambda: change(key, value)),
                lambda trouble: put(lambda: self._tell(feed.what, trouble)),
            )
        except Exception as error:  # whatever it is, the thread that shows must not wait for more
            self._fail(error)

    def _tell(self, what: str, trouble: str) -> None:
        self._troubles.pop(what, None)
        if trouble:
            self._troubles[what] = trouble

    def _wait_for_readers(self) -> None:
        """End with the last reader of a pipe, though there be nothing to write."""
        # Asked for nothing, poll tells of errors.
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        poll.poll()
        self._fail(BrokenPipeError())

    def _fail(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        self._changes.put(fail)

    def _start(self, run: Callable[..., None], *arguments: Any) -> None:
        # Daemons, since they wait in the network and nothing of them need be saved.
        threading.Thread(target=run, args=arguments, daemon=True).start()


def _keyed_node(item: Mapping[str, Any]) -> tuple[str, Node]:
    return item["metadata"]["name"], read_node(item)


def _keyed_pod(item: Mapping[str, Any]) -> tuple[str, PodRequest]:
    return item["metadata"]["uid"], read_pod_request(item)
