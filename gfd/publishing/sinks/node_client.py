"""Read and apply the metadata of one Node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, PublishError
from gfd.kube.api_errors import to_publish_error
from gfd.kube.client import APPLY, METADATA
from gfd.kube.field_managers import MANAGER
from gfd.kube.objects import OBJECT
from gfd.kube.paths import NODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.kube.client import Api
    from gfd.labels.syntax import Labels

NAME = "node"
"""The sink's name."""
GRANT = "manifests/overlays/node (ClusterRole gfd)"


class NodeClient:
    """The requests that gfd makes for its Node."""

    def __init__(self, api: Api, node_name: str) -> None:
        self._api = api
        self._node_name = node_name
        self._path = f"{NODES}/{node_name}"
        self.target = f"nodes/{node_name}"

    def read(self) -> Mapping[str, Any]:
        """Return the Node's metadata. Raises ApiError."""
        return _metadata(self._api.request("GET", self._path, accept=METADATA, schema=OBJECT))

    def apply(self, uid: str, keys: Mapping[str, Labels], *, is_forced: bool) -> Mapping[str, Any]:
        """Apply labels and annotations, by kind, to the Node with this uid; return its metadata.

        Raises ApiError: 409 or 422 if the Node has another uid, 409 if other managers hold a key and
        ``is_forced`` is false.
        """
        filled = {kind: dict(found) for kind, found in keys.items() if found}
        metadata = {"name": self._node_name, "uid": uid, **filled}
        response = self._api.request(
            "PATCH",
            self._path,
            {"apiVersion": "v1", "kind": "Node", "metadata": metadata},
            query={"fieldManager": MANAGER, "force": "true" if is_forced else "false"},
            content_type=APPLY,
            accept=METADATA,
            schema=OBJECT,
        )
        return _metadata(response)

    def translate(self, error: ApiError) -> PublishError:
        """Return the error to raise from the sink."""
        if error.status == 404:
            reason = f"there is no Node {self._node_name}; set NODE_NAME to a name in kubectl get nodes"
            return PublishError(NAME, self.target, reason, kind="NotFound")
        return to_publish_error(NAME, self.target, error, grant=GRANT)


def _metadata(response: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = response["metadata"]
    return found
