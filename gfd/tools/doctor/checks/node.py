"""From what is published to the label on the Node, and who else is there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, GfdError
from gfd.kube.field_managers import MANAGER, applied_by, held_by_nfd
from gfd.kube.nfd import API_VERSION, NAME_PREFIX
from gfd.labels.syntax import TIMESTAMP
from gfd.tools.diff.diff import Comparison
from gfd.tools.doctor.result import Check, fail, ok, skip, warn

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from gfd.config.model import Config
    from gfd.labels.syntax import Labels
    from gfd.tools.doctor.cluster import Cluster, Feature, Program
    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.result import Finding

_BY_NFD = {"file", "nodefeature"}
"""The sinks whose labels NFD brings to the Node."""
_DEPLOY = "nvidia.com/gpu.deploy."
_OWN_DISCOVERY = f"{_DEPLOY}gpu-feature-discovery"
_DISABLE = "set gfd.enabled=false in the operator's ClusterPolicy, or leave the labels to it"


def _nfd(site: Site) -> Finding:
    cluster = site.reach()
    is_served = cluster.serves(API_VERSION, "nodefeatures")
    is_needed = bool(_BY_NFD & set(site.config.sinks))
    if not is_needed:
        return ok(f"{'there' if is_served else 'not there'}, and not needed")
    if not is_served:
        step = "install NFD (0.14 or later), or publish with --sink node"
        return fail(f"the API server does not know NodeFeature ({API_VERSION})", step)
    said = [f"NodeFeature ({API_VERSION}) is known", *_versions(cluster)]
    masters = cluster.masters
    if not isinstance(masters, GfdError) and not any(each.is_ready for each in masters):
        which = masters[0].pod if masters else "none is found by the labels of NFD's chart and manifests"
        step = "see its pod" if masters else "install NFD, or publish with --sink node"
        return warn("; ".join([*said, f"no nfd-master is ready: {which}"]), f"it labels the Nodes: {step}")
    return ok("; ".join(said))


def _versions(cluster: Cluster) -> list[str]:
    said, untold = [], dict[str, list[str]]()
    for name, programs in (("nfd-master", cluster.masters), ("nfd-worker", cluster.workers)):
        if isinstance(programs, GfdError):
            untold.setdefault(str(programs), []).append(name)
        else:
            said += sorted({f"{name} {_tag(program)}" for program in programs})
    # Both are looked for among the pods: most often one reason holds for both.
    said += [
        f"which {' and '.join(names)} there is cannot be told: {reason}" for reason, names in untold.items()
    ]
    if isinstance(cluster.features, tuple) and isinstance(cluster.workers, GfdError):
        said += [f"nfd-worker {each.worker_version}" for each in cluster.features if each.worker_version]
    return said


def _tag(program: Program) -> str:
    return program.image.rpartition("/")[2]


def _equal(site: Site) -> Finding:
    labels, node = site.labels, site.reach().node
    if isinstance(labels, GfdError) or site.config.sinks == ("stdout",):
        return skip("nothing is published from here")
    if isinstance(node, ApiError) and node.status == 404:
        return fail(
            f"there is no Node {site.config.node_name}", "is NODE_NAME its name in kubectl get nodes?"
        )
    if isinstance(node, GfdError):
        return skip(f"cannot be told: {node}")
    pattern = re.compile(site.config.as_annotations or "(?!)")
    annotations = node.get("annotations") or {}
    has = (node.get("labels") or {}) | {
        key: annotations[key] for key in annotations if pattern.fullmatch(key)
    }
    missing = [key for key in labels if key not in has]
    other = [key for key, value in labels.items() if key != TIMESTAMP and has.get(key, value) != value]
    if not missing and not other:
        return ok(f"all {len(labels)} are on the Node")
    seen = ", ".join(
        f"{len(keys)} {what} ({_some(keys)})"
        for keys, what in ((missing, "missing"), (other, "different"))
        if keys
    )
    step = "is gfd running on this node, with these options? gfd diff shows what it would change"
    if _BY_NFD & set(site.config.sinks):
        step += "; where that is nothing, NFD has yet to pass it on"
    return fail(f"of {len(labels)} labels on the Node: {seen}", step)


def _some(keys: Collection[str]) -> str:
    first = sorted(keys)[:3]
    return ", ".join(first) + (", …" if len(keys) > len(first) else "")


def _doubled(site: Site) -> Finding:
    cluster, labels = site.reach(), site.labels
    if isinstance(labels, GfdError) or site.config.sinks == ("stdout",):
        return skip("nothing is published from here")
    said, unknown = list[str](), list[str]()
    if isinstance(cluster.node, GfdError):
        unknown.append(str(cluster.node))
    else:
        said += _by_two_managers(site.config, labels, cluster.node)
    # Beside the sink node, what NFD makes of them is seen on the Node.
    if "node" not in site.config.sinks and isinstance(cluster.features, GfdError):
        unknown.append(str(cluster.features))
    elif "node" not in site.config.sinks and not isinstance(cluster.features, GfdError):
        said += _by_features(site.config, labels, cluster.features)
    if "file" in site.config.sinks:
        said += _by_files(site.comparisons)
    if said:
        step = "leave one road: gfd cleanup --sink …, gfd cleanup --from-original, or stop the other program"
        return fail("; ".join(said), step)
    if unknown:
        return skip(f"nothing is seen, but not all can be: {'; '.join(unknown)}")
    return ok("nothing is published twice")


def _by_two_managers(config: Config, labels: Labels, node: Mapping[str, Any]) -> list[str]:
    """Return which keys come to the Node by NFD and by gfd itself."""
    is_direct = "node" in config.sinks
    both = labels.keys() & (held_by_nfd(node) if is_direct else applied_by(node, MANAGER))
    if not both:
        return []
    said = (
        "NFD publishes them, too"
        if is_direct
        else "gfd once wrote them to the Node itself, and still holds them"
    )
    return [f"{len(both)} of {len(labels)} labels ({_some(both)}): {said}"]


def _by_features(config: Config, labels: Labels, features: Sequence[Feature]) -> list[str]:
    """Return the NodeFeatures that hold rendered keys besides the one that shall."""
    writers = [each for each in features if each.labels.keys() & labels.keys()]
    expected = (
        {f"{config.namespace}/{NAME_PREFIX}{config.node_name}"} if "nodefeature" in config.sinks else set()
    )
    if "file" in config.sinks:
        expected |= {each.place for each in writers if each.worker_version}
    others = [each for each in writers if each.place not in expected]
    by_original = " (as gpu-feature-discovery leaves it)"
    named = [each.place + (by_original if "Pod" in each.owners else "") for each in others]
    return [f"NodeFeatures of others have them, too: {', '.join(named)}"] if named else []


def _by_files(comparisons: Sequence[Comparison | GfdError]) -> list[str]:
    """Return which feature files of others hold rendered keys."""
    files = {
        holder
        for comparison in comparisons
        if isinstance(comparison, Comparison)
        for change in comparison.changes
        if change.wanted is not None
        for holder in change.prospect.holders
    }
    return [f"feature files of others have them, too: {', '.join(sorted(files))}"] if files else []


def _operator(site: Site) -> Finding:
    cluster = site.reach()
    labels: Labels = {} if isinstance(cluster.node, GfdError) else cluster.node.get("labels") or {}
    deployed = [key for key in labels if key.startswith(_DEPLOY)]
    if labels.get(_OWN_DISCOVERY) == "true":
        return warn("the GPU operator runs its own gpu-feature-discovery on this node", _DISABLE)
    is_there = cluster.serves("nvidia.com/v1", "clusterpolicies")
    if is_there and isinstance(cluster.node, GfdError):
        return warn("the GPU operator is there, and may run its own gpu-feature-discovery here", _DISABLE)
    if is_there or deployed:
        return ok("the GPU operator is there, without its gpu-feature-discovery on this node")
    return ok("the GPU operator is not there")


CHECKS = (
    Check(name="NFD", examine=_nfd, needs_cluster=True),
    Check(name="Node", examine=_equal, needs_cluster=True),
    Check(name="doubled", examine=_doubled, needs_cluster=True),
    Check(name="operator", examine=_operator, needs_cluster=True),
)
