"""Check the API server, the clock, the token and gfd's permissions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.config.options import AUTO
from gfd.errors import ApiError, GfdError
from gfd.kube.allocation import GRANT as ALLOCATION_GRANT
from gfd.kube.nfd import API_VERSION
from gfd.kube.paths import DRA_API
from gfd.publishing.node_condition import GRANT as CONDITION_GRANT
from gfd.publishing.sinks.node_client import GRANT as NODE_GRANT
from gfd.publishing.sinks.nodefeature_client import GRANT as FEATURE_GRANT
from gfd.publishing.sinks.nodefeature_client import GRANT_TO_OWN
from gfd.tools.doctor.cluster import Permission
from gfd.tools.doctor.result import Check, fail, ok, skip, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.config.model import Config
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

SKEW_WARN_S, SKEW_FAIL_S = 5.0, 60.0


def _check_server(context: Context) -> CheckResult:
    cluster = context.cluster
    if not isinstance(cluster, GfdError):
        seen = f"answers, Kubernetes {cluster.version}"
        if cluster.api.is_verified:
            return ok(seen)
        step = "in the kubeconfig, replace insecure-skip-tls-verify with certificate-authority"
        return warn(f"{seen}; gfd does not check its certificate", step)
    is_absent = isinstance(cluster, ApiError) and cluster.kind == "credentials"
    if needs_cluster(context.config):
        advice = "check the service account, automountServiceAccountToken, or --kubeconfig"
        return fail(str(cluster), f"{_find_loss(context.config)}: {advice}")
    return (
        skip(f"no cluster: {cluster}")
        if is_absent
        else warn(str(cluster), "gfd does not need it here; check the network")
    )


def needs_cluster(config: Config) -> bool:
    """Return whether gfd needs an API server."""
    return bool(_find_loss(config))


def _find_loss(config: Config) -> str:
    """Return what gfd cannot do without an API server; empty if it needs none."""
    if {"node", "nodefeature"} & set(config.sinks):
        return "gfd cannot publish"
    if config.node_condition:
        return "gfd cannot set the Node condition"
    return "" if config.config_dir is None else "gfd cannot choose the configuration of this node"


def _check_clock(context: Context) -> CheckResult:
    skew_s = context.require_cluster().measure_clock()
    seen = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} the API server"
    step = "set the clock (chrony, NTP); tokens, certificates and --label-ttl depend on it"
    if abs(skew_s) >= SKEW_FAIL_S:
        return fail(seen, step)
    return warn(seen, step) if abs(skew_s) >= SKEW_WARN_S else ok("same as the API server")


def _check_token(context: Context) -> CheckResult:
    identity, node = context.require_cluster().identity, context.config.node_name
    if isinstance(identity, GfdError):
        return skip(f"unknown: {identity}")
    if not identity.is_service_account:
        return ok(f"you are {identity.name}, not an agent; to check an agent, run gfd doctor in its pod")
    if identity.node is None:
        step = "use the token that Kubernetes mounts into the pod; the policy refuses other tokens"
        return warn(f"{identity.name}; the token is not bound to a pod on a node", step)
    if node and identity.node != node:
        step = "set NODE_NAME from spec.nodeName with the downward API"
        return fail(f"the token is bound to node {identity.node}, but --node-name is {node}", step)
    return ok(f"{identity.name}, bound to pod {identity.pod} on node {identity.node}")


def _check_permissions(context: Context) -> CheckResult:
    cluster = context.require_cluster()
    needed = find_permissions(context.config)
    if not needed:
        return ok(f"not needed for --sink {','.join(context.config.sinks)}")
    missing = {right: grant for right, grant in needed.items() if not cluster.is_allowed(right)}
    if missing and {right.verb for right in missing} == {"delete"}:
        step = (
            f"grant {GRANT_TO_OWN}; without it gfd cannot remove its object (--stale-after, gfd cleanup). "
            "Where the API server runs OwnerReferencesPermissionEnforcement, it cannot replace the owners "
            "that the original set, either"
        )
        return warn(f"not allowed: {', '.join(map(str, missing))}", step)
    if missing:
        grants = ", ".join(dict.fromkeys(missing.values()))
        return fail(
            f"not allowed: {', '.join(map(str, missing))}",
            f"apply {grants}, or run helm upgrade with the same values",
        )
    return ok(f"allowed: {', '.join(map(str, needed))}")


def find_permissions(config: Config) -> Mapping[Permission, str]:
    """Return the permissions that gfd needs, with the manifest that grants each."""
    node, namespace = config.node_name or "", config.namespace
    rights: dict[Permission, str] = {}
    verbs = ["get", "list", "watch"] if config.config_dir or "node" in config.sinks else []
    verbs += ["patch"] if "node" in config.sinks else []
    for verb in verbs:
        rights[Permission(verb=verb, resource="nodes", name=node)] = NODE_GRANT
    if config.allocation == AUTO and node:
        rights.setdefault(Permission(verb="get", resource="nodes", name=node), ALLOCATION_GRANT)
        group = DRA_API.split("/")[2]
        rights[Permission(verb="list", resource="resourceslices", group=group)] = ALLOCATION_GRANT
    if "nodefeature" in config.sinks:
        group = API_VERSION.partition("/")[0]
        for verb in ("get", "list", "watch", "create", "update", "delete"):
            rights[Permission(verb=verb, resource="nodefeatures", group=group, namespace=namespace)] = (
                FEATURE_GRANT
            )
        if config.pod_name:
            pod = Permission(verb="get", resource="pods", namespace=namespace, name=config.pod_name)
            rights[pod] = FEATURE_GRANT
    if config.node_condition:
        for verb in ("get", "patch"):
            right = Permission(verb=verb, resource="nodes", subresource="status", name=node)
            rights[right] = CONDITION_GRANT
        for verb in ("create", "patch"):
            rights[Permission(verb=verb, resource="events", namespace="default")] = CONDITION_GRANT
    return rights


CHECKS = (
    Check(name="API server", run=_check_server),
    Check(name="clock", run=_check_clock, needs_cluster=True),
    Check(name="token", run=_check_token, needs_cluster=True),
    Check(name="rights", run=_check_permissions, needs_cluster=True),
)
