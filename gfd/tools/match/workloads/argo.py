"""Read Argo's workflows: one pod for each template that runs a pod.

If a template does not set nodeSelector, affinity or tolerations, it inherits the field from templateDefaults,
else from the steps or the DAG that call it, else from the workflow. Argo 3.5 and later do the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import check_spelling, find, read_items, read_text, require
from gfd.tools.match.workloads.argo_defaults import add_defaults
from gfd.tools.match.workloads.composition import compose, pick
from gfd.tools.match.workloads.counts import read_number
from gfd.tools.match.workloads.kind import PodTemplate
from gfd.tools.match.workloads.variables import Variables, read_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.documents.value import Value
    from gfd.errors import DocumentError
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.workloads.kind import Reader

GROUP = "argoproj.io"
_MAIN = ("container", "script")
_POD_KINDS = (*_MAIN, "containerSet", "resource", "data")
_INHERITED = ("nodeSelector", "affinity", "tolerations")
_LISTS = (("containerSet", "containers"), ("sidecars",))
_PATCH = "podSpecPatch"
_UNJUDGED_PATCH = f"{_PATCH}: Argo changes the pod when it runs"
_POD_FIELDS = ("initContainers", "volumes", "schedulerName", "priorityClassName", "topologySpreadConstraints")
_PATTERN = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")

_Placement = tuple["Value | None", ...]
"""The values of :data:`_INHERITED` that decide the node of a pod."""


def read_workflow(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pods of a workflow's templates. Raises DocumentError."""
    yield from _read_spec(manifest, require(manifest.value, "spec"))


def read_cron_workflow(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pods of the workflow of a CronWorkflow. Raises DocumentError."""
    yield from _read_spec(manifest, require(require(manifest.value, "spec"), "workflowSpec"))


def find_missing_templates(manifests: Sequence[Manifest]) -> list[DocumentError]:
    """Return an error for each object whose templates are used but that ``manifests`` lacks."""
    present = {(each.kind, each.name) for each in manifests}
    errors = []
    for reference in (each for manifest in manifests for each in _find_references(manifest)):
        scope = reference.member("clusterScope")
        kind = "ClusterWorkflowTemplate" if scope and scope.content else "WorkflowTemplate"
        name = read_text(reference, "name")
        if (kind, name) not in present:
            reason = f"{kind} {name} is not in these files; add its file to the command"
            errors.append(reference.error(reason))
    return errors


def _find_references(manifest: Manifest) -> Iterator[Value]:
    """Yield the references to templates of other objects."""
    specs = [find(manifest.value, "spec"), find(manifest.value, "spec", "workflowSpec")]
    for spec in filter(None, specs if manifest.group == GROUP else ()):
        if reference := spec.member("workflowTemplateRef"):
            yield reference
        for template in read_items(spec, "templates"):
            yield from (each for call in _read_calls(template) if (each := call.member("templateRef")))


def _read_spec(manifest: Manifest, spec: Value) -> Iterator[PodTemplate]:
    templates = _read_templates(spec)
    given = read_parameters(spec, "arguments", "parameters", scope="workflow.parameters")
    for name in templates:
        for title, template, placements in _find_pods(spec, name, templates):
            inputs = read_parameters(template, "inputs", "parameters", scope="inputs.parameters")
            for caller, placement in placements.items():
                pod_spec, unknown = Variables(_PATTERN, given | inputs).fill_spec(
                    _compose_pod(spec, template, placement)
                )
                has_patch = template.member(_PATCH) or spec.member(_PATCH)
                yield PodTemplate(
                    spec=pod_spec,
                    labels=find(template, "metadata", "labels"),
                    sources=_list_sources(spec, template),
                    line=template.line,
                    part=f"{title}, called by {caller}" if caller else title,
                    copies=_count_copies(spec, name, template, templates),
                    is_alone=True,
                    unjudged=(*unknown, *((_UNJUDGED_PATCH,) if has_patch else ())),
                )


def _count_copies(spec: Value, name: str, template: Value, templates: Mapping[str, Value]) -> int:
    """Return how many pods of a template certainly run at the same time: calls in one group of steps."""
    if template.path != templates[name].path:
        return 1  # inline in a step
    limits = [read_number(each, "parallelism", default=2**31 - 1) for each in (spec, *templates.values())]
    counts = [
        sum(_count_items(call) for call in group if read_text(call, "template") == name)
        for other in templates.values()
        for group in _find_groups(other)
    ]
    return max(1, min(max(counts, default=1), *limits))


def _find_groups(template: Value) -> Iterator[list[Value]]:
    """Yield the calls that start at the same time: a group of steps, or the first tasks of a DAG."""
    for group in read_items(template, "steps"):
        yield read_items(group)
    tasks = read_items(template, "dag", "tasks")
    yield [task for task in tasks if not task.member("dependencies") and not task.member("depends")]


def _count_items(call: Value) -> int:
    """Return how many pods a call starts; 1 if that is known only when the workflow runs."""
    items, sequence = call.member("withItems"), find(call, "withSequence", "count")
    if items and isinstance(items.content, tuple):
        return len(items.content)
    text = str(sequence.content) if sequence else ""
    return int(text) if text.isascii() and text.isdecimal() else 1


def _list_sources(spec: Value, template: Value) -> tuple[Value, ...]:
    """Return the parts of the workflow that decide the pod, without a resource that it creates."""
    own = [member for key, member in template.mapping().items() if key != "resource"]
    shared = [
        found for name in (*_INHERITED, "arguments", "templateDefaults") if (found := spec.member(name))
    ]
    return (*own, *shared)


def _read_templates(spec: Value) -> dict[str, Value]:
    """Return the templates of a workflow by name, with its templateDefaults."""
    templates: dict[str, Value] = {}
    for template in read_items(spec, "templates"):
        check_spelling(template, _INHERITED)
        name = read_text(template, "name")
        if name in templates:
            raise template.error(f"template {name} is already in line {templates[name].line}; rename one")
        templates[name] = add_defaults(template, spec.member("templateDefaults"))
    return templates


def _find_pods(
    spec: Value, name: str, templates: Mapping[str, Value]
) -> Iterator[tuple[str, Value, dict[str, _Placement]]]:
    """Yield title, template and placements by caller: for the template, and for those inline in its steps."""
    template = templates[name]
    if any(template.member(kind) for kind in _POD_KINDS):
        yield f"template {name}", template, _find_placements(spec, name, templates)
    for call in _read_calls(template):
        inline = call.member("inline")
        if inline and any(inline.member(kind) for kind in _POD_KINDS):
            check_spelling(inline, _INHERITED)
            own = add_defaults(inline, spec.member("templateDefaults"))
            yield f"template {name}, step {read_text(call, 'name')}", own, {"": _inherit(own, template, spec)}


def _find_placements(spec: Value, name: str, templates: Mapping[str, Value]) -> dict[str, _Placement]:
    """Return the different placements of a template by caller; the caller is empty if there is only one."""
    callers = [caller for caller, other in templates.items() if _calls(other, name)]
    placements: dict[str, _Placement] = {}
    for caller in callers or [""]:
        placement = _inherit(templates[name], templates.get(caller), spec)
        if placement not in placements.values():
            placements[caller] = placement
    return placements if len(placements) > 1 else {"": next(iter(placements.values()))}


def _inherit(*levels: Value | None) -> _Placement:
    """Return each of :data:`_INHERITED` from the first level that sets it."""
    return tuple(
        next((found for level in levels if level and (found := level.member(name)) and found.content), None)
        for name in _INHERITED
    )


def _calls(template: Value, name: str) -> bool:
    return any(read_text(call, "template") == name for call in _read_calls(template))


def _read_calls(template: Value) -> list[Value]:
    """Return the steps, or the tasks of a DAG."""
    groups = read_items(template, "steps")
    return [step for group in groups for step in read_items(group)] + read_items(template, "dag", "tasks")


def _compose_pod(spec: Value, template: Value, placement: _Placement) -> Value:
    """Return the PodSpec of a template."""
    main = [each for name in _MAIN if (each := template.member(name))]
    main += [each for path in _LISTS for each in read_items(template, *path)]
    scheduler = template.member("schedulerName") or spec.member("schedulerName")
    priority = template.member("priorityClassName") or spec.member("podPriorityClassName")
    fields = pick(template, *_POD_FIELDS) | {"schedulerName": scheduler, "priorityClassName": priority}
    placed = dict(zip(_INHERITED, placement, strict=True))
    return compose(template, containers=main or [compose(template)], **fields, **placed)


KINDS: Mapping[tuple[str, str], Reader] = {
    (GROUP, "Workflow"): read_workflow,
    (GROUP, "WorkflowTemplate"): read_workflow,
    (GROUP, "ClusterWorkflowTemplate"): read_workflow,
    (GROUP, "CronWorkflow"): read_cron_workflow,
}
