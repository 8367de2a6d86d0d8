"""Check NFD, the labels on the Node, duplicate labels and the GPU operator."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, GfdError
from gfd.kube.field_managers import MANAGER, applied_by, held_by_nfd
from gfd.kube.nfd import API_VERSION, NAME_PREFIX
from gfd.labels.syntax import TIMESTAMP
from gfd.tools.diff.diff import SinkDiff
from gfd.tools.doctor.result import Check, fail, ok, skip, warn
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gfd.config.model import Config
    from gfd.labels.syntax import Labels
    from gfd.tools.doctor.cluster import Cluster, NfdContainer, NodeFeature
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_BY_NFD = {"file", "nodefeature"}
"""The sinks whose labels NFD copies to the Node."""
_DEPLOY = "nvidia.com/gpu.deploy."
_OWN_DISCOVERY = f"{_DEPLOY}gpu-feature-discovery"
_OPERATOR_ACCOUNT = ":nvidia-gpu-feature-discovery"
"""How the service account ends that the GPU operator gives to gpu-feature-discovery, after its namespace."""
_DISABLE = "set gfd.enabled=false in the operator's ClusterPolicy, or stop gfd on this node"


def _check_nfd(context: Context) -> CheckResult:
    cluster = context.require_cluster()
    is_served = cluster.has_resource(API_VERSION, "nodefeatures")
    is_needed = bool(_BY_NFD & set(context.config.sinks))
    if not is_needed:
        return ok(f"{'installed' if is_served else 'not installed'}, not needed")
    if not is_served:
        step = "install NFD (0.14 or later), or use --sink node"
        return fail(f"the API server does not know NodeFeature ({API_VERSION})", step)
    facts = [f"NodeFeature ({API_VERSION}) is known", *_describe_versions(cluster)]
    masters = cluster.masters
    if not isinstance(masters, GfdError) and not any(each.is_ready for each in masters):
        which = masters[0].pod if masters else "no pod has the labels of NFD's chart or manifests"
        step = "check its pod" if masters else "install NFD, or use --sink node"
        return warn(
            "; ".join([*facts, f"no nfd-master is ready: {which}"]), f"nfd-master labels the Nodes; {step}"
        )
    return ok("; ".join(facts))


def _describe_versions(cluster: Cluster) -> list[str]:
    versions, unknown = [], dict[str, list[str]]()
    for name, programs in (("nfd-master", cluster.masters), ("nfd-worker", cluster.workers)):
        if isinstance(programs, GfdError):
            unknown.setdefault(str(programs), []).append(name)
        else:
            versions += sorted({f"{name} {_cut_registry(program)}" for program in programs})
    # gfd looks for both programs among the pods, so one reason usually explains both.
    versions += [
        f"the version of {' and '.join(names)} is unknown: {reason}" for reason, names in unknown.items()
    ]
    if isinstance(cluster.node_features, tuple) and isinstance(cluster.workers, GfdError):
        versions += [
            f"nfd-worker {each.worker_version}" for each in cluster.node_features if each.worker_version
        ]
    return versions


def _cut_registry(program: NfdContainer) -> str:
    return program.image.rpartition("/")[2]


def _check_node_labels(context: Context) -> CheckResult:
    labels, node = context.labels, context.require_cluster().node
    if isinstance(labels, GfdError) or context.config.sinks == ("stdout",):
        return skip("this machine publishes nothing")
    if isinstance(node, ApiError) and node.status == 404:
        return fail(
            f"there is no Node {context.config.node_name}", "set NODE_NAME to a name in kubectl get nodes"
        )
    if isinstance(node, GfdError):
        return skip(f"unknown: {node}")
    pattern = re.compile(context.config.as_annotations or "(?!)")
    annotations = node.get("annotations") or {}
    has = (node.get("labels") or {}) | {
        key: annotations[key] for key in annotations if pattern.fullmatch(key)
    }
    missing = [key for key in labels if key not in has]
    other = [key for key, value in labels.items() if key != TIMESTAMP and has.get(key, value) != value]
    if not missing and not other:
        return ok(f"all {len(labels)} labels are on the Node")
    seen = ", ".join(
        f"{len(keys)} {what} ({_list_some(keys)})"
        for keys, what in ((missing, "missing"), (other, "different"))
        if keys
    )
    step = "check that gfd runs on this node with these options; gfd diff shows what it would change"
    if _BY_NFD & set(context.config.sinks):
        step += "; if that is nothing, NFD has not copied the labels to the Node yet"
    return fail(f"of {pluralize(len(labels), 'label')}, the Node has {seen}", step)


def _list_some(keys: Collection[str]) -> str:
    first = sorted(keys)[:3]
    return ", ".join(first) + (", …" if len(keys) > len(first) else "")


def _check_duplicates(context: Context) -> CheckResult:
    cluster, labels = context.require_cluster(), context.labels
    if isinstance(labels, GfdError) or context.config.sinks == ("stdout",):
        return skip("this machine publishes nothing")
    duplicates, unknown = list[str](), list[str]()
    if isinstance(cluster.node, GfdError):
        unknown.append(str(cluster.node))
    else:
        duplicates += _find_in_two_managers(context.config, labels, cluster.node)
    # With the sink node, the Node's field managers already show what NFD publishes.
    if "node" not in context.config.sinks and isinstance(cluster.node_features, GfdError):
        unknown.append(str(cluster.node_features))
    elif "node" not in context.config.sinks and not isinstance(cluster.node_features, GfdError):
        duplicates += _find_in_node_features(context.config, labels, cluster.node_features)
    if "file" in context.config.sinks:
        duplicates += _find_in_files(context.diffs)
    if duplicates:
        step = "run gfd cleanup --sink … or gfd cleanup --from-original, or stop the other program"
        return fail("; ".join(duplicates), step)
    if unknown:
        return skip(f"no duplicates found, but gfd cannot read all: {'; '.join(unknown)}")
    return ok("no label is published twice")


def _find_in_two_managers(config: Config, labels: Labels, node: Mapping[str, Any]) -> list[str]:
    """Return a description of the keys that both NFD and gfd publish on the Node."""
    is_direct = "node" in config.sinks
    both = labels.keys() & (held_by_nfd(node) if is_direct else applied_by(node, MANAGER))
    if not both:
        return []
    problem = (
        "NFD publishes them, too"
        if is_direct
        else "gfd also owns them on the Node, from an earlier --sink node"
    )
    return [f"{len(both)} of {len(labels)} labels ({_list_some(both)}): {problem}"]


def _find_in_node_features(config: Config, labels: Labels, features: Sequence[NodeFeature]) -> list[str]:
    """Return a description of the unexpected NodeFeatures that hold gfd's keys."""
    writers = [each for each in features if each.labels.keys() & labels.keys()]
    expected = (
        {f"{config.namespace}/{NAME_PREFIX}{config.node_name}"} if "nodefeature" in config.sinks else set()
    )
    if "file" in config.sinks:
        expected |= {each.name for each in writers if each.worker_version}
    others = [each for each in writers if each.name not in expected]
    by_original = " (left by gpu-feature-discovery)"
    named = [each.name + (by_original if "Pod" in each.owners else "") for each in others]
    return [f"other NodeFeatures have them, too: {', '.join(named)}"] if named else []


def _find_in_files(diffs: Sequence[SinkDiff | GfdError]) -> list[str]:
    """Return a description of the other feature files that hold gfd's keys."""
    files = {
        holder
        for diff in diffs
        if isinstance(diff, SinkDiff)
        for change in diff.changes
        if change.wanted is not None
        for holder in change.planned.holders
    }
    return [f"other feature files have them, too: {', '.join(sorted(files))}"] if files else []


def _check_operator(context: Context) -> CheckResult:
    cluster = context.require_cluster()
    labels: Labels = {} if isinstance(cluster.node, GfdError) else cluster.node.get("labels") or {}
    deployed = [key for key in labels if key.startswith(_DEPLOY)]
    identity = cluster.identity
    if not isinstance(identity, GfdError) and identity.name.endswith(_OPERATOR_ACCOUNT):
        return ok("this gfd is what the GPU operator runs as gpu-feature-discovery")
    if labels.get(_OWN_DISCOVERY) == "true":
        return warn("the GPU operator runs its own gpu-feature-discovery on this node", _DISABLE)
    is_there = cluster.has_resource("nvidia.com/v1", "clusterpolicies")
    if is_there and isinstance(cluster.node, GfdError):
        return warn("the GPU operator is installed and may run its own gpu-feature-discovery here", _DISABLE)
    if is_there or deployed:
        return ok("the GPU operator is installed; it does not run gpu-feature-discovery on this node")
    return ok("the GPU operator is not installed")


CHECKS = (
    Check(name="NFD", run=_check_nfd, needs_cluster=True),
    Check(name="Node", run=_check_node_labels, needs_cluster=True),
    Check(name="doubled", run=_check_duplicates, needs_cluster=True),
    Check(name="operator", run=_check_operator, needs_cluster=True),
)
