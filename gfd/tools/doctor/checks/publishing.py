"""From the inventory to what is published on this machine."""

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

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.labels.syntax import Labels
    from gfd.tools.doctor.cluster import Cluster
    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.result import Finding

_MOUNT = "mount NFD's features.d of the host there, as manifests/components/file does"
_OVERLAY = "overlay"
"""The file system that a container has for what is not mounted."""


def _labels(site: Site) -> Finding:
    labels = site.labels
    if isinstance(labels, DriverUnavailable) and not site.has_gpu:
        step = "set --fail-on-init-error=false where nodes have none"
        return fail("none: there is no GPU, and --fail-on-init-error is true", step)
    if isinstance(labels, GfdError) and labels is site.inventory:
        return fail("none, since the hardware cannot be read", "see what is said of NVML, above")
    if isinstance(labels, GfdError):
        return fail(str(labels), "gfd dump shows the same alone")
    return ok(f"this machine renders {len(labels)}")


def _file(site: Site) -> Finding:
    if "file" not in site.config.sinks:
        return skip(f"labels go to {', '.join(site.config.sinks)}")
    file = site.under(site.config.output_file)
    problem = _find_problem(site, file.parent)
    if problem is not None:
        return problem
    if not file.is_file():
        return warn(f"{file} is not there", "start gfd on this node, or gfd --oneshot")
    size = file.stat().st_size
    if size > MAX_BYTES:
        return fail(
            f"{file} has {size} bytes; NFD reads none of more than {MAX_BYTES}", "render fewer labels"
        )
    if difference := _find_difference(site, file):
        step = "is gfd running on this node, with these options? gfd diff shows what it would change"
        return warn(f"{file} is not what this machine renders: {difference}", step)
    return ok(f"{file}, {len(read_text(file, PROC_BYTES, 'replace').splitlines())} lines")


def _find_difference(site: Site, file: Path) -> str:
    """Return in numbers what a cycle now would change in a file; empty where nothing, or nothing is known."""
    if isinstance(site.labels, GfdError):
        return ""
    (found,) = compare(site.config._replace(sinks=("file",), output_file=str(file)), site.labels)
    if isinstance(found, GfdError):
        raise found
    return summarise(found) if found.has_changes else ""


def _find_problem(site: Site, folder: Path) -> Finding | None:
    """Return what is wrong with the directory of feature files."""
    if not folder.is_dir():
        return fail(f"there is no directory {folder}", f"{_MOUNT}; or name another --output-file")
    if not os.access(folder, os.W_OK | os.X_OK, effective_ids=True):
        seen = f"{folder} cannot be written to by user {os.geteuid()}"
        return fail(seen, "run as its owner, or mount it writable")
    if refusal := check_folder(folder):
        return fail(refusal.reason, refusal.advice)
    if _is_container_only(site, folder):
        return fail(f"{folder} is the container's own: nobody else sees it", _MOUNT)
    return None


def _is_container_only(site: Site, folder: Path) -> bool:
    try:
        mounts = parse_mounts(os.fsdecode(site.mountinfo.read_bytes()))
    except OSError:
        return False
    mount = find_mount(os.path.realpath(folder), mounts)
    return mount is not None and mount.point == "/" and mount.file_system == _OVERLAY


def _worker(site: Site) -> Finding:
    if "file" not in site.config.sinks:
        return skip("the feature file is not used")
    if isinstance(site.labels, GfdError):
        return skip("there are no labels to look for")
    if isinstance(site.cluster, GfdError):
        process = _find_process(site)
        if process is None:
            return skip("none among the processes that are visible here, and no cluster to ask")
        return ok(f"process {process}; whether it reads the file, a cluster would tell")
    return _ask_cluster(site.cluster, site.labels)


def _ask_cluster(cluster: Cluster, labels: Labels) -> Finding:
    """Find the labels in what the node's nfd-worker has made of its directory; else find that."""
    if isinstance(cluster.features, GfdError):
        return skip(f"cannot be told: {cluster.features}")
    for feature in cluster.features:
        taken = sum(key in feature.labels for key in labels)
        if feature.worker_version is not None and taken:
            seen = f"{feature.worker_version} has read {taken} of {len(labels)} labels ({feature.place})"
            step = "gfd diff shows what is not in the file yet"
            return ok(seen) if taken == len(labels) else warn(seen, step)
    if isinstance(cluster.workers, GfdError):
        return skip(f"none has read a label, and whether there is one cannot be told: {cluster.workers}")
    if not cluster.workers:
        step = "install NFD, or let the DaemonSet of nfd-worker tolerate the taints of this node"
        return fail("none is on this node", step)
    step = "mount one folder of the host into both, and let its label source local be enabled"
    return fail(f"{cluster.workers[0].pod} has read none of the labels", step)


def _find_process(site: Site) -> str | None:
    for file in sorted(site.under("/proc").glob("[0-9]*/comm")):
        try:
            if read_text(file, PROC_BYTES, "replace").strip() == "nfd-worker":
                return file.parent.name
        except OSError:  # it has ended
            continue
    return None


CHECKS = (
    Check(name="labels", examine=_labels),
    Check(name="feature file", examine=_file),
    Check(name="nfd-worker", examine=_worker),
)
