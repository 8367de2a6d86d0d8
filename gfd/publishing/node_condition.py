"""The Node condition ``nvidia.com/GPUReady``: server-side apply to the Node's status as the manager ``gfd``.

Conditions merge by their type, so an apply changes no condition of the kubelet or of others. The server
refuses to apply the status of a Node that is gone, so gfd never creates a Node.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError
from gfd.kube.api_errors import is_unauthenticated
from gfd.kube.client import APPLY, METADATA
from gfd.kube.field_managers import MANAGER
from gfd.kube.objects import NODE_CONDITIONS, OBJECT
from gfd.kube.paths import NODES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.kube.client import Api

TYPE = "nvidia.com/GPUReady"
_FIELD = f'k:{{"type":"{TYPE}"}}'
"""The condition in managedFields."""
STRATEGIC_MERGE = "application/strategic-merge-patch+json"
GRANT = "manifests/components/node-condition (chart: nodeCondition=true)"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCondition:
    """The condition as it is on the Node. Times are in Unix seconds."""

    is_true: bool
    reason: str
    message: str
    heartbeat_at_s: float
    transition_at_s: float
    """When ``is_true`` last changed."""


class NodeConditionClient:
    """The requests that gfd makes for the condition of one Node. Each raises ApiError with the next step."""

    def __init__(self, api: Api, node_name: str) -> None:
        self._api = api
        self._node_name = node_name
        self._path = f"{NODES}/{node_name}/status"
        self.target = f"nodes/{node_name} condition {TYPE}"

    def read(self) -> NodeCondition | None:
        """Return the condition; None if the Node has none."""
        try:
            found = self._api.request("GET", self._path, schema=NODE_CONDITIONS)
        except ApiError as error:
            raise self._explain(error, "get") from error
        for each in (found.get("status") or {}).get("conditions") or ():
            if each["type"] == TYPE:
                return _parse(each)
        return None

    def apply(self, condition: NodeCondition) -> str:
        """Set the condition; return the uid of the Node."""
        item = {
            "type": TYPE,
            "status": "True" if condition.is_true else "False",
            "reason": condition.reason,
            "message": condition.message,
            "lastHeartbeatTime": format_time(condition.heartbeat_at_s),
            "lastTransitionTime": format_time(condition.transition_at_s),
        }
        return self._apply({"status": {"conditions": [item]}})

    def withdraw(self) -> bool:
        """Remove the condition; return whether the Node had it."""
        # An apply without the condition alone would leave parts of it that another manager holds, too.
        removal = {"status": {"conditions": [{"type": TYPE, "$patch": "delete"}]}}
        try:
            if self.read() is None:
                return False
            self._patch(removal, STRATEGIC_MERGE, {})
            self._apply({})
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _apply(self, fields: Mapping[str, Any]) -> str:
        body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": self._node_name}, **fields}
        return str(self._patch(body, APPLY, {"force": "true"})["metadata"]["uid"])

    def _patch(self, body: Mapping[str, Any], content_type: str, query: Mapping[str, str]) -> dict[str, Any]:
        try:
            return self._api.request(
                "PATCH",
                self._path,
                body,
                query={"fieldManager": MANAGER, **query},
                content_type=content_type,
                accept=METADATA,
                schema=OBJECT,
            )
        except ApiError as error:
            raise self._explain(error, "patch") from error

    def _explain(self, error: ApiError, verb: str) -> ApiError:
        reason = f"{self.target}: {error}"
        if error.status == 404:
            reason = f"{self.target}: there is no such Node; set NODE_NAME to a name in kubectl get nodes"
        elif error.kind == "credentials" or is_unauthenticated(error):
            reason += (
                "; --node-condition needs the API server, whatever the sink; in a pod, "
                "set automountServiceAccountToken: true"
            )
        elif error.status == 403 and "ValidatingAdmissionPolicy" in reason:
            reason += "; install the policy and gfd with the same chart values"
        elif error.status == 403:
            reason += f"; the verb {verb} on nodes/status is granted by {GRANT}"
        return ApiError(
            reason,
            kind=error.kind,
            status=error.status,
            verb=error.verb,
            details=error.details,
            retry_after_s=error.retry_after_s,
        )


def is_held(metadata: Mapping[str, Any]) -> bool:
    """Return whether gfd has set the condition of the Node with this ``metadata``."""
    return any(
        entry.get("manager") == MANAGER
        and _FIELD in (((entry.get("fieldsV1") or {}).get("f:status") or {}).get("f:conditions") or {})
        for entry in metadata.get("managedFields") or ()
    )


def format_time(epoch_s: float) -> str:
    """Return a time as Kubernetes writes it: ``2026-01-31T12:00:00Z``."""
    return f"{datetime.fromtimestamp(epoch_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _parse(item: Mapping[str, Any]) -> NodeCondition:
    return NodeCondition(
        is_true=item["status"] == "True",
        reason=item.get("reason") or "",
        message=item.get("message") or "",
        heartbeat_at_s=_parse_time(item.get("lastHeartbeatTime")),
        transition_at_s=_parse_time(item.get("lastTransitionTime")),
    )


def _parse_time(text: str | None) -> float:
    """Return a time in Unix seconds; 0 if another program wrote none, or no valid one."""
    try:
        found = datetime.fromisoformat(text or "")
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0
