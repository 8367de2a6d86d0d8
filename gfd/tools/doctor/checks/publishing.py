"""Check the labels, the feature file and nfd-worker on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gfd.agent.mounts import find_mount, parse_mounts
from gfd.errors import DriverUnavailable, GfdError
from gfd.files import PROC_BYTES, read_text
from gfd.publishing.sinks.feature_text import MAX_BYTES
from gfd.publishing.sinks.staging import check_folder
from gfd.tools.diff.diff import compare, summarise
from gfd.tools.doctor.result import Check, fail, ok, skip, warn
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.labels.syntax import Labels
    from gfd.tools.doctor.cluster import Cluster
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.result import CheckResult

_MOUNT = "mount the host's NFD folder features.d there, like manifests/components/file"
_OVERLAY = "overlay"
"""The type of a container's own file system."""


def _check_labels(context: Context) -> CheckResult:
    labels = context.labels
    if isinstance(labels, DriverUnavailable) and not context.has_gpu:
        step = "set --fail-on-init-error=false on nodes without a GPU"
        return fail("no labels: there is no GPU, and --fail-on-init-error is true", step)
    if isinstance(labels, GfdError) and labels is context.inventory:
        return fail("no labels, because the hardware cannot be read", "see NVML above")
    if isinstance(labels, GfdError):
        return fail(str(labels), "run gfd dump to see this error alone")
    return ok(f"gfd renders {pluralize(len(labels), 'label')}")


def _check_file(context: Context) -> CheckResult:
    if "file" not in context.config.sinks:
        return skip(f"not used with --sink {','.join(context.config.sinks)}")
    file = context.under(context.config.output_file)
    problem = _find_problem(context, file.parent)
    if problem is not None:
        return problem
    if not file.is_file():
        return warn(f"{file} does not exist", "start gfd on this node, or run gfd --oneshot")
    size = file.stat().st_size
    if size > MAX_BYTES:
        return fail(f"{file} has {size} bytes; NFD reads at most {MAX_BYTES}", "render fewer labels")
    if difference := _describe_difference(context, file):
        step = "check that gfd runs on this node with these options; gfd diff shows what it would change"
        return warn(f"{file} is out of date: {difference}", step)
    lines = read_text(file, PROC_BYTES, "replace").splitlines()
    return ok(f"{file}, {pluralize(len(lines), 'line')}")


def _describe_difference(context: Context, file: Path) -> str:
    """Return the number of labels that gfd would change in the file, in words; empty if 0 or unknown."""
    if isinstance(context.labels, GfdError):
        return ""
    (found,) = compare(context.config._replace(sinks=("file",), output_file=str(file)), context.labels)
    if isinstance(found, GfdError):
        raise found
    return summarise(found) if found.has_changes else ""


def _find_problem(context: Context, folder: Path) -> CheckResult | None:
    """Return a failure if gfd or NFD cannot use the folder of feature files."""
    if not folder.is_dir():
        return fail(f"there is no directory {folder}", f"{_MOUNT}; or set another --output-file")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        seen = f"user {os.geteuid()} cannot write to {folder}"
        return fail(seen, "run gfd as its owner, or mount it writable")
    if refusal := check_folder(folder):
        return fail(refusal.reason, refusal.advice)
    if _is_container_only(context, folder):
        return fail(f"{folder} is not mounted from the host, so NFD cannot see it", _MOUNT)
    return None


def _is_container_only(context: Context, folder: Path) -> bool:
    try:
        mounts = parse_mounts(os.fsdecode(context.mountinfo.read_bytes()))
    except OSError:
        return False
    mount = find_mount(os.path.realpath(folder), mounts)
    return mount is not None and mount.point == "/" and mount.file_system == _OVERLAY


def _check_worker(context: Context) -> CheckResult:
    if "file" not in context.config.sinks:
        return skip("the feature file is not used")
    if isinstance(context.labels, GfdError):
        return skip("there are no labels to look for")
    if isinstance(context.cluster, GfdError):
        process = _find_process(context)
        if process is None:
            return skip("no nfd-worker process is visible here, and there is no cluster to ask")
        return ok(f"process {process}; without a cluster, gfd cannot tell whether it reads the file")
    return _check_worker_in_cluster(context.cluster, context.labels)


def _check_worker_in_cluster(cluster: Cluster, labels: Labels) -> CheckResult:
    """Check that the NodeFeature of the node's nfd-worker has the labels."""
    if isinstance(cluster.node_features, GfdError):
        return skip(f"unknown: {cluster.node_features}")
    for feature in cluster.node_features:
        taken = sum(key in feature.labels for key in labels)
        if feature.worker_version is not None and taken:
            seen = f"{feature.worker_version} has read {taken} of {len(labels)} labels ({feature.name})"
            step = "gfd diff shows which labels are not in the file yet"
            return ok(seen) if taken == len(labels) else warn(seen, step)
    if isinstance(cluster.workers, GfdError):
        return skip(f"no nfd-worker has read a label, and gfd cannot list the nfd-workers: {cluster.workers}")
    if not cluster.workers:
        step = "install NFD, or add tolerations for this node's taints to the nfd-worker DaemonSet"
        return fail("no nfd-worker runs on this node", step)
    step = "mount the same host folder into both pods, and enable nfd-worker's label source local"
    return fail(f"{cluster.workers[0].pod} has read none of the labels", step)


def _find_process(context: Context) -> str | None:
    for file in sorted(context.under("/proc").glob("[0-9]*/comm")):
        try:
            if read_text(file, PROC_BYTES, "replace").strip() == "nfd-worker":
                return file.parent.name
        except OSError:  # the process has ended
            continue
    return None


CHECKS = (
    Check(name="labels", run=_check_labels),
    Check(name="feature file", run=_check_file),
    Check(name="nfd-worker", run=_check_worker),
)
