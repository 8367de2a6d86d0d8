"""Rewrite the objects of files."""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import is_device
from gfd.errors import DocumentError, SeveralErrors
from gfd.text import escape
from gfd.tools.claim_templates.template import build_template, make_name
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.rewrite.pod import plan_rewrite
from gfd.tools.match.rewrite.pod_remarks import explain_fields, explain_no_devices
from gfd.tools.match.rewrite.remark import Remark
from gfd.tools.match.rewrite.server_fields import is_from_server, remove_server_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.clusterview.nodes import Node
    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.manifests.pods import Pod
    from gfd.tools.match.rewrite.knowledge import Knowledge
    from gfd.tools.match.workloads.kind import PodTemplate
    from gfd.tools.match.workloads.table import Workload

Path = tuple[str | int, ...]
_OWN_GROUPS = ("", "apps", "batch")
"""The API groups of Kubernetes itself with pods."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RewrittenObject:
    """An object, the ResourceClaimTemplates of its pods, and what a person has to know."""

    title: str
    """Kind and name."""
    file: str
    line: int
    templates: tuple[dict[str, Any], ...]
    object: dict[str, Any]
    remarks: tuple[Remark, ...]
    """The remarks, sorted by line."""


def rewrite_objects(
    workloads: Sequence[Workload], known: Knowledge, nodes: Sequence[Node] | None
) -> list[RewrittenObject]:
    """Return the objects rewritten, in their order; ``nodes`` is None if they are unknown.

    Raises DocumentError, or SeveralErrors, for objects that cannot be rewritten.
    """
    taken = {
        (each.manifest.namespace, each.manifest.name)
        for each in workloads
        if each.manifest.kind == "ResourceClaimTemplate"
    }
    found, errors = [], []
    for workload in workloads:
        try:
            found.append(_rewrite(workload, known, nodes, taken))
        except DocumentError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    return found


def _rewrite(
    workload: Workload, known: Knowledge, nodes: Sequence[Node] | None, taken: set[tuple[str, str]]
) -> RewrittenObject:
    """Return an object rewritten; ``taken`` has the templates that exist, and gets those of the object."""
    manifest = workload.manifest
    # Not deepcopy: values with one anchor are the same object, and each has to be changed by itself.
    plain = json.loads(json.dumps(manifest.value.plain()))
    remarks = list(_explain_origin(manifest))
    templates: dict[str, dict[str, Any]] = {}
    for template, pod in _list_templates(workload):
        paths = list(_find_paths(manifest.value, template.spec))
        if not paths:
            _refuse_devices(workload, pod)
            continue
        rewrite = plan_rewrite(template.spec, pod.spec, known)
        name = _choose_name(manifest, template.part, taken)
        if requests := rewrite.build_requests():
            taken.add((manifest.namespace, name))
            templates[name] = build_template(name, requests, manifest.namespace)
            if manifest.group not in _OWN_GROUPS:
                remarks.append(_explain_definition(manifest))
        for path in paths:
            rewrite.apply(_walk(plain, path), name)
        remarks += rewrite.remarks
        remarks += explain_fields(
            template.spec, pod.spec, rewrite.resources, nodes, is_from_server=is_from_server(manifest)
        )
    if workload.templates and not templates:
        remarks.append(explain_no_devices(workload.templates[0].spec))
    remove_server_fields(manifest, plain)
    return RewrittenObject(
        title=escape(manifest.title),
        file=manifest.value.source,
        line=manifest.value.line,
        templates=tuple(templates.values()),
        object=plain,
        remarks=tuple(sorted(dict.fromkeys(remarks), key=lambda each: (not each.is_lost, each.line))),
    )


def _choose_name(manifest: Manifest, part: str, taken: set[tuple[str, str]]) -> str:
    """Return a name for the ResourceClaimTemplate of a part of an object."""
    words = " ".join(filter(None, (manifest.name.rstrip("*"), part, "gpu")))
    names = (make_name(f"{words} {number}" if number > 1 else words) for number in count(1))
    return next(each for each in names if (manifest.namespace, each) not in taken)


def _list_templates(workload: Workload) -> Iterator[tuple[PodTemplate, Pod]]:
    """Yield the pod templates with different PodSpecs; groups of pods have one in common."""
    seen = set()
    for template, pod in zip(workload.templates, workload.pods, strict=True):
        if id(template.spec.content) not in seen:
            seen.add(id(template.spec.content))
            yield template, pod


def _find_paths(value: Value, wanted: Value, path: Path = ()) -> Iterator[Path]:
    """Yield where a PodSpec stands in an object: at several places if they use one anchor."""
    if value.content is wanted.content:
        yield path
    elif isinstance(value.content, tuple):
        for number, item in enumerate(value.content):
            yield from _find_paths(item, wanted, (*path, number))
    elif isinstance(value.content, dict):
        for key, member in value.content.items():
            yield from _find_paths(member, wanted, (*path, key))


def _walk(plain: Any, path: Path) -> dict[str, Any]:
    for step in path:
        plain = plain[step]
    found: dict[str, Any] = plain
    return found


def _refuse_devices(workload: Workload, pod: Pod) -> None:
    """Raise DocumentError if pods without a PodSpec in the file request devices."""
    if any(is_device(name) and amount for name, amount in pod.spec.requests.items()):
        manifest = workload.manifest
        raise manifest.value.error(
            f"{escape(pod.title)} cannot be rewritten: this part of a {manifest.kind} is no PodSpec; write "
            "the claim by hand, with the help of gfd select --dra"
        )


def _explain_definition(manifest: Manifest) -> Remark:
    return Remark(
        line=manifest.value.line,
        subject=f"kind {manifest.kind}",
        reason="is not a kind of Kubernetes itself",
        step="check that its resource definition has resourceClaims and resources.claims",
    )


def _explain_origin(manifest: Manifest) -> Iterator[Remark]:
    """Yield remarks about an object that comes from the API server."""
    if not is_from_server(manifest):
        return
    line, name = manifest.value.line, escape(manifest.name)
    namespace = f" -n {escape(manifest.namespace)}" if manifest.namespace else ""
    for owner in read_items(manifest.value, "metadata", "ownerReferences"):
        title = f"{read_text(owner, 'kind')} {read_text(owner, 'name')}"
        yield Remark(
            line=owner.line,
            subject="ownerReferences",
            reason=f"are left out; {escape(title)} made this object, and makes others without claims",
            step="rewrite the object that made them, such as the Deployment, instead",
        )
    if manifest.kind in ("Pod", "Job"):
        yield Remark(
            line=line,
            subject=f"{manifest.kind} {name}",
            reason="is in the cluster, and its pod template cannot be changed there"
            if manifest.kind == "Job"
            else "is in the cluster, and its containers cannot be changed there",
            step=f"first run kubectl delete {manifest.kind.lower()} {name}{namespace}",
        )
