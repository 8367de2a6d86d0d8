"""Whether an admission policy holds the agents to their own node and keys."""

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
    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.result import Finding

    Trial = tuple[str, str, Mapping[str, Any], str]
    """Method, path, body, and what that is."""

_POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolic"
_FOREIGN = "node-restriction.kubernetes.io/gfd-doctor"
"""A key that no agent may write, whatever its policy lets templates write."""
_VERB = "'publish-as-"
"""How the policies know agents: by a verb that their role grants."""
_REFUSED = re.compile(r"ValidatingAdmissionPolicy '[^']*'")


def _policy(site: Site) -> Finding:
    cluster, config = site.reach(), site.config
    sink = next((each for each in _TRIALS if each in config.sinks), None)
    if sink is None or not config.node_name:
        return skip("nothing is written to the API server")
    identity = cluster.identity
    if isinstance(identity, GfdError) or not identity.is_service_account:
        return _look(cluster)
    method, path, body, what = _TRIALS[sink](config.node_name, config.namespace)
    try:
        _try(cluster, method, path, body)
    except ApiError as error:
        refused = _REFUSED.search(str(error))
        if error.status == 403 and refused:
            return ok(f"{refused[0]} refuses {what}")
        return skip(f"cannot be told: {error}")
    files = f"rbac.yaml and policy.yaml of manifests/components/{sink}"
    step = f"apply {files} for {identity.name} (Kubernetes 1.30 and later)"
    return warn(f"nothing refuses {what}", step)


def _look(cluster: Cluster) -> Finding:
    """Look for bound policies about gfd's agents: whoever asks now is not one of them."""
    try:
        bindings = list(cluster.api.list(f"{_POLICIES}ybindings", item=POLICY_BINDING))
        policies = list(cluster.api.list(f"{_POLICIES}ies", item=POLICY))
    except ApiError as error:
        return skip(f"cannot be told: {error}")
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
        return ok(f"{', '.join(found)}; what it refuses is seen in a pod of gfd")
    step = "apply rbac.yaml and policy.yaml of manifests/components (Kubernetes 1.30 and later)"
    return warn("no admission policy for gfd's agents is bound", step)


def _foreign_label(node: str, namespace: str) -> Trial:
    return (
        "PATCH",
        f"{NODES}/{node}",
        {"metadata": {"labels": {_FOREIGN: "true"}}},
        "a foreign label on the Node",
    )


def _foreign_feature(node: str, namespace: str) -> Trial:
    features: dict[str, Any] = {"attributes": {}, "flags": {}, "instances": {}}
    body = {
        "apiVersion": API_VERSION,
        "kind": "NodeFeature",
        "metadata": {"name": "gfd-doctor", "labels": {NODE_LABEL: node}},
        "spec": {"features": features, "labels": {_FOREIGN: "true"}},
    }
    return "POST", f"/apis/{API_VERSION}/namespaces/{namespace}/nodefeatures", body, "a foreign NodeFeature"


_TRIALS: Mapping[str, Callable[[str, str], Trial]] = {"node": _foreign_label, "nodefeature": _foreign_feature}
"""Sink -> what must be refused to its agents, for a node and a namespace."""


def _try(cluster: Cluster, method: str, path: str, body: Mapping[str, Any]) -> None:
    """Ask for something with ``dryRun=All``: were it allowed, nothing would change."""
    kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
    query = {"dryRun": "All", "fieldManager": "gfd"}
    cluster.api.request(method, path, body, content_type=kind, query=query)


CHECKS = (Check(name="policy", examine=_policy, needs_cluster=True),)
