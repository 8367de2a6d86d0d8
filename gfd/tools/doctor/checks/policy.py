"""Check that an admission policy restricts each agent to its own node and gfd's keys."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, GfdError
from gfd.kube.nfd import API_VERSION, NODE_LABEL
from gfd.kube.objects import POLICY, POLICY_BINDING
from gfd.kube.paths import NODES
from gfd.tools.doctor.result import Check, ok, skip, warn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gfd.tools.doctor.cluster import Cluster
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

    DryRun = tuple[str, str, Mapping[str, Any], str]
    """The method, path, body and description of a request."""

_GROUP = "admissionregistration.k8s.io/v1"
_POLICIES = f"/apis/{_GROUP}/validatingadmissionpolic"
_STEP = "apply rbac.yaml and policy.yaml of manifests/components (Kubernetes 1.30 and later)"
_FOREIGN = "node-restriction.kubernetes.io/gfd-doctor"
"""A key that no policy allows, not even a policy for the operator's templates."""
_VERB = "'publish-as-"
"""The verb by which policies recognise agents: only the agents' role grants it."""
_REFUSED = re.compile(r"ValidatingAdmissionPolicy '[^']*'")


def _check_policy(context: Context) -> CheckResult:
    cluster, config = context.require_cluster(), context.config
    written = (*config.sinks, *([_CONDITION] if config.node_condition else []))
    components = [each for each in _FORBIDDEN_WRITES if each in written]
    if not components or not config.node_name:
        return skip("gfd writes nothing to the API server")
    identity = cluster.identity
    if isinstance(identity, GfdError) or not identity.is_service_account:
        return _find_policies(cluster)
    results = [_try_forbidden_write(context, each, identity.name) for each in components]
    problem = min(results, key=lambda each: ("warn", "skip", "ok").index(each.state))
    return ok("; ".join(each.seen for each in results)) if problem.state == "ok" else problem


def _try_forbidden_write(context: Context, component: str, account: str) -> CheckResult:
    """Return whether a policy refuses what no agent may write, such as another key of the Node."""
    cluster, config = context.require_cluster(), context.config
    method, path, body, what = _FORBIDDEN_WRITES[component](config.node_name or "", config.namespace)
    try:
        _request_dry_run(cluster, method, path, body)
    except ApiError as error:
        refused = _REFUSED.search(str(error))
        if error.status == 403 and refused:
            return ok(f"{refused[0]} refuses {what}")
        return skip(f"unknown: {error}")
    files = f"rbac.yaml and policy.yaml of manifests/components/{component}"
    step = f"apply {files} for {account} (Kubernetes 1.30 and later)"
    return warn(f"no policy refuses {what}", step)


def _find_policies(cluster: Cluster) -> CheckResult:
    """Look for bound policies about gfd's agents; used if the current user is not an agent."""
    try:
        bindings = list(cluster.api.list(f"{_POLICIES}ybindings", item=POLICY_BINDING))
        policies = list(cluster.api.list(f"{_POLICIES}ies", item=POLICY))
    except ApiError as error:
        if error.status in (403, 404) and not cluster.has_resource(_GROUP, "validatingadmissionpolicies"):
            return warn(f"Kubernetes {cluster.version} has no admission policies", _STEP)
        return skip(f"unknown: {error}")
    bound = {
        each["spec"]["policyName"]
        for each in bindings
        if "Deny" in (each["spec"].get("validationActions") or ())
    }
    about_agents = {
        each["metadata"]["name"]
        for each in policies
        for condition in each["spec"].get("matchConditions") or ()
        if _VERB in condition["expression"]
    }
    if found := sorted(bound & about_agents):
        return ok(f"{', '.join(found)}; to test it, run gfd doctor in an agent's pod")
    return warn("no admission policy for gfd's agents is bound", _STEP)


def _make_foreign_label(node: str, namespace: str) -> DryRun:
    return (
        "PATCH",
        f"{NODES}/{node}",
        {"metadata": {"labels": {_FOREIGN: "true"}}},
        "a foreign label on the Node",
    )


def _make_foreign_feature(node: str, namespace: str) -> DryRun:
    features: dict[str, Any] = {"attributes": {}, "flags": {}, "instances": {}}
    body = {
        "apiVersion": API_VERSION,
        "kind": "NodeFeature",
        "metadata": {"name": "gfd-doctor", "labels": {NODE_LABEL: node}},
        "spec": {"features": features, "labels": {_FOREIGN: "true"}},
    }
    return "POST", f"/apis/{API_VERSION}/namespaces/{namespace}/nodefeatures", body, "a foreign NodeFeature"


def _make_foreign_condition(node: str, namespace: str) -> DryRun:
    item = {"type": _FOREIGN, "status": "True", "reason": "GfdDoctor", "message": ""}
    body = {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node},
        "status": {"conditions": [item]},
    }
    return "PATCH", f"{NODES}/{node}/status", body, "a foreign condition on the Node"


_CONDITION = "node-condition"
_FORBIDDEN_WRITES: Mapping[str, Callable[[str, str], DryRun]] = {
    "node": _make_foreign_label,
    "nodefeature": _make_foreign_feature,
    _CONDITION: _make_foreign_condition,
}
"""Component of the manifests -> a function of node and namespace that returns a forbidden request."""


def _request_dry_run(cluster: Cluster, method: str, path: str, body: Mapping[str, Any]) -> None:
    """Send a request with ``dryRun=All``, which changes nothing even if it is allowed."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    query = {"dryRun": "All", "fieldManager": "gfd"}
    cluster.api.request(method, path, body, content_type=kind, query=query)


CHECKS = (Check(name="policy", run=_check_policy, needs_cluster=True),)
