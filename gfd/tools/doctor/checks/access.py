"""What the API server lets gfd do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import ApiError, GfdError
from gfd.kube.nfd import API_VERSION
from gfd.publishing.sinks.node_client import GRANT as NODE_GRANT
from gfd.publishing.sinks.nodefeature_client import GRANT as FEATURE_GRANT
from gfd.tools.doctor.cluster import Right
from gfd.tools.doctor.result import Check, fail, ok, skip, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.config.model import Config
    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.result import Finding

SKEW_WARN_S, SKEW_FAIL_S = 5.0, 60.0


def _server(site: Site) -> Finding:
    cluster = site.cluster
    if not isinstance(cluster, GfdError):
        seen = f"answers, Kubernetes {cluster.version}"
        if cluster.api.is_verified:
            return ok(seen)
        step = "replace insecure-skip-tls-verify in the kubeconfig with the server's certificate-authority"
        return warn(f"{seen}; its certificate is not checked, so anybody could answer", step)
    is_absent = isinstance(cluster, ApiError) and cluster.kind == "credentials"
    if needs_cluster(site.config):
        step = (
            "labels cannot get there: see the service account, automountServiceAccountToken, or --kubeconfig"
        )
        return fail(str(cluster), step)
    return (
        skip(f"no cluster: {cluster}")
        if is_absent
        else warn(str(cluster), "gfd does not need it here; see the network")
    )


def needs_cluster(config: Config) -> bool:
    """Return whether gfd cannot do its work without an API server."""
    return bool({"node", "nodefeature"} & set(config.sinks)) or config.config_dir is not None


def _clock(site: Site) -> Finding:
    skew_s = site.reach().measure_clock()
    seen = f"{abs(skew_s):.1f} s {'ahead of' if skew_s > 0 else 'behind'} the API server's"
    step = "set the clock (chrony, NTP): tokens, certificates and --label-ttl go by it"
    if abs(skew_s) >= SKEW_FAIL_S:
        return fail(seen, step)
    return warn(seen, step) if abs(skew_s) >= SKEW_WARN_S else ok("that of the API server")


def _token(site: Site) -> Finding:
    identity, node = site.reach().identity, site.config.node_name
    if isinstance(identity, GfdError):
        return skip(f"cannot be told: {identity}")
    if not identity.is_service_account:
        return ok(f"asks as {identity.name}, which is no agent: what agents may do is seen in their pods")
    if identity.node is None:
        step = "use the token that Kubernetes mounts into the pod; the policy refuses all others"
        return warn(f"{identity.name}, not bound to a pod on a node", step)
    if node and identity.node != node:
        step = "take NODE_NAME from spec.nodeName, by the downward API"
        return fail(f"bound to node {identity.node}, but --node-name is {node}", step)
    return ok(f"{identity.name}, bound to pod {identity.pod} on node {identity.node}")


def _rights(site: Site) -> Finding:
    cluster = site.reach()
    needed = find_rights(site.config)
    if not needed:
        return ok(f"none are needed for {', '.join(site.config.sinks)}")
    lacking = {right: grant for right, grant in needed.items() if not cluster.may(right)}
    if lacking:
        grants = ", ".join(dict.fromkeys(lacking.values()))
        return fail(
            f"may not {', '.join(map(str, lacking))}", f"apply {grants}, or helm upgrade with the same values"
        )
    return ok(f"may {', '.join(map(str, needed))}")


def find_rights(config: Config) -> Mapping[Right, str]:
    """Return what gfd must be allowed, and the manifest that grants it."""
    node, namespace = config.node_name or "", config.namespace
    rights: dict[Right, str] = {}
    verbs = ["get", "list", "watch"] if config.config_dir or "node" in config.sinks else []
    verbs += ["patch"] if "node" in config.sinks else []
    for verb in verbs:
        rights[Right(verb=verb, resource="nodes", name=node)] = NODE_GRANT
    if "nodefeature" in config.sinks:
        group = API_VERSION.partition("/")[0]
        for verb in ("get", "list", "watch", "create", "update", "delete"):
            rights[Right(verb=verb, resource="nodefeatures", group=group, namespace=namespace)] = (
                FEATURE_GRANT
            )
        if config.pod_name:
            pod = Right(verb="get", resource="pods", namespace=namespace, name=config.pod_name)
            rights[pod] = FEATURE_GRANT
    return rights


CHECKS = (
    Check(name="API server", examine=_server),
    Check(name="clock", examine=_clock, needs_cluster=True),
    Check(name="token", examine=_token, needs_cluster=True),
    Check(name="rights", examine=_rights, needs_cluster=True),
)
