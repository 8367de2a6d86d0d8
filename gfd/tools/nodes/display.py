"""``gfd nodes --watch``: print the table, then every change.

List nodes, pods, ResourceSlices and ResourceClaims once and then watch them as whole objects: their metadata
alone has neither allocatable nor requested devices. Most events change no row and are dropped at once.
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
from gfd.clusterview.json_fields import NodePage, PodPage
from gfd.clusterview.listing import FORBIDDEN
from gfd.clusterview.nodes import read_node
from gfd.clusterview.pods import read_pod_request
from gfd.config.options import COMMAND_LINE
from gfd.errors import ApiError, ConfigError
from gfd.kube.paths import NODES, PODS
from gfd.text import print_error
from gfd.tools.nodes.collection import Collection
from gfd.tools.nodes.device_collections import print_unknown, watch_claims, watch_slices
from gfd.tools.nodes.index import NodeIndex
from gfd.tools.nodes.query import FORBIDDEN_PODS, UNKNOWN_PODS
from gfd.tools.nodes.views import choose_view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.clusterview.dra.model import ResourceClaim, ResourceSlice
    from gfd.clusterview.nodes import Node
    from gfd.clusterview.pods import PodRequest
    from gfd.config.model import LoadedConfig
    from gfd.kube.list_watch import ListWatch
    from gfd.tools.nodes.query import NodeQuery

T = TypeVar("T")

_Action = Callable[[], None]
"""A call that the display thread makes for an event that another thread received."""


def watch(loaded: LoadedConfig, query: NodeQuery) -> None:
    """Print rows and changes until an interrupt, or until nobody reads the output. Raises GfdError."""
    if query.nodes_file is not None or loaded.config.simulate:
        raise ConfigError("--watch", COMMAND_LINE, "needs a cluster; a file or a simulation does not change")
    api = connect(loaded)
    parameters = {"labelSelector": query.selector.text} if query.selector else {}
    nodes = Collection(api, NODES, _read_keyed_node, query=parameters, what="nodes", fields=NodePage)
    pods = Collection(api, PODS, _read_keyed_pod, query=ON_NODES, what="pods", fields=PodPage)
    slices, claims = watch_slices(api), watch_claims(api)
    display = _Display(query)
    try:
        display.run(nodes, pods, slices, claims)
    except KeyboardInterrupt:
        return
    finally:
        display.close()


class _Display:
    """The display thread. Other threads watch the collections and queue an action for each change."""

    def __init__(self, query: NodeQuery) -> None:
        self._view = choose_view(query)
        self._actions: SimpleQueue[_Action] = SimpleQueue()
        self._problems: dict[str, str] = {}
        self._watches: list[ListWatch] = []
        self._index = NodeIndex()

    def run(
        self,
        nodes: Collection[Node],
        pods: Collection[PodRequest],
        slices: Collection[ResourceSlice],
        claims: Collection[ResourceClaim],
    ) -> None:
        """List the collections and show changes for ever. Raises ApiError, BrokenPipeError."""
        self._index.replace_nodes(nodes.read())
        try:
            self._index.replace_pods(pods.read())
            self._watch(pods, self._index.replace_pods, self._index.change_pod)
        except ApiError as error:
            if error.status != FORBIDDEN:
                raise
            self._index.is_counted = False
            print_error(UNKNOWN_PODS.format(FORBIDDEN_PODS))
        self._watch(nodes, self._index.replace_nodes, self._index.change_node)
        self._follow_devices(slices, claims)
        _start(self._wait_for_readers)
        while True:
            self._view.show(self._index, self._index.take_events(), "; ".join(self._problems.values()))
            self._act()

    def _follow_devices(self, slices: Collection[ResourceSlice], claims: Collection[ResourceClaim]) -> None:
        """List and watch ResourceSlices and ResourceClaims, if the cluster has them. Raises ApiError."""
        index = self._index
        try:
            index.replace_slices(slices.read())
        except ApiError as error:
            print_unknown(slices, error, "devices of ResourceSlices are")
            return
        self._watch(slices, index.replace_slices, index.change_slice)
        try:
            index.replace_claims(claims.read())
        except ApiError as error:
            index.ignore_claims()
            print_unknown(
                claims, error, "allocated and free devices of ResourceSlices are", is_needed=index.has_slices
            )
            return
        self._watch(claims, index.replace_claims, index.change_claim)

    def close(self) -> None:
        """End the watches."""
        for each in self._watches:
            each.close()

    def _act(self) -> None:
        """Wait for an action and run it, together with others that follow soon."""
        try:
            self._actions.get(timeout=self._view.redraw_interval_s)()
        except Empty:
            return
        time.sleep(self._view.debounce_s)
        while not self._actions.empty():
            self._actions.get()()

    def _watch(
        self,
        collection: Collection[T],
        replace: Callable[[Mapping[str, T]], None],
        change: Callable[[str, T | None], None],
    ) -> None:
        put = self._actions.put
        watch = collection.watch(
            lambda found: put(lambda: replace(found)),
            lambda key, value: put(lambda: change(key, value)),
            lambda problem: put(lambda: self._set_problem(collection.what, problem)),
        )
        self._watches.append(watch)
        _start(self._run, watch)

    def _run(self, watch: ListWatch) -> None:
        try:
            watch.run()
        except Exception as error:  # otherwise the display would wait for ever
            self._fail(error)

    def _set_problem(self, what: str, problem: str) -> None:
        self._problems.pop(what, None)
        if problem:
            self._problems[what] = f"{problem}; trying again"

    def _wait_for_readers(self) -> None:
        """End the display when the last reader closes the pipe, even if there is nothing to write."""
        # Without any event registered, poll still reports errors.
        poll = select.poll()
        poll.register(sys.stdout.fileno(), 0)
        poll.poll()
        self._fail(BrokenPipeError())

    def _fail(self, error: Exception) -> None:
        def fail() -> None:
            raise error

        self._actions.put(fail)


def _start(run: Callable[..., None], *arguments: Any) -> None:
    # Daemons, because they wait for the network and have nothing to save at the end.
    threading.Thread(target=run, args=arguments, daemon=True).start()


def _read_keyed_node(item: Mapping[str, Any]) -> tuple[str, Node]:
    return item["metadata"]["name"], read_node(item)


def _read_keyed_pod(item: Mapping[str, Any]) -> tuple[str, PodRequest]:
    return item["metadata"]["uid"], read_pod_request(item)
