"""Read Argo's workflows: one pod for each template that runs a pod.

If a template does not set nodeSelector, affinity or tolerations, it inherits the field from templateDefaults,
else from the steps or the DAG that call it, else from the workflow. Argo 3.5 and later do the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.affinity import read_affinity, read_node_selector
from gfd.tools.match.argo_defaults import add_defaults
from gfd.tools.match.argo_variables import check_filled, fill, read_parameters
from gfd.tools.match.devices import read_devices
from gfd.tools.match.fields import check_spelling, find, read_items, read_text, require
from gfd.tools.match.pods import Pod, make_pod
from gfd.tools.match.podspec import find_unjudged
from gfd.tools.match.scheduling import SchedulingSpec
from gfd.tools.match.tolerations import add_default_tolerations, read_tolerations

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.documents.value import Value
    from gfd.errors import DocumentError
    from gfd.tools.match.manifests import Manifest

GROUP = "argoproj.io"
_MAIN = ("container", "script")
_POD_KINDS = (*_MAIN, "containerSet", "resource", "data")
_INHERITED = ("nodeSelector", "affinity", "tolerations")
_LISTS = (("containerSet", "containers"), ("sidecars",))
_PATCH = "podSpecPatch"
_UNJUDGED_PATCH = f"{_PATCH}: Argo changes the pod when it runs"

_Placement = tuple["Value | None", ...]
"""The values of :data:`_INHERITED` that decide the node of a pod."""


def read_workflow(manifest: Manifest) -> Iterator[Pod]:
    """Yield the pods of a workflow's templates. Raises DocumentError."""
    yield from _read_spec(manifest, require(manifest.value, "spec"))


def read_cron_workflow(manifest: Manifest) -> Iterator[Pod]:
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


def _read_spec(manifest: Manifest, spec: Value) -> Iterator[Pod]:
    templates = _read_templates(spec)
    variables = read_parameters(spec.member("arguments"), "workflow")
    for name in templates:
        for title, template, placements in _find_pods(spec, name, templates):
            inputs = read_parameters(template.member("inputs"), "inputs")
            for caller, placement in placements.items():
                part = f"{title}, called by {caller}" if caller else title
                pod_spec = _read_template(spec, template, placement, variables | inputs)
                yield make_pod(manifest, pod_spec, line=template.line, part=part)


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


def _read_template(
    spec: Value, template: Value, placement: _Placement, variables: Mapping[str, str]
) -> SchedulingSpec:
    selector, affinity, tolerations = (each and fill(each, variables) for each in placement)
    for value in (selector, affinity, tolerations):
        if value:
            check_filled(value)
    terms, preferences = read_affinity(affinity)
    main = [each for name in _MAIN if (each := template.member(name))]
    main += [each for path in _LISTS for each in read_items(template, *path)]
    devices = read_devices(
        init=[_fill_resources(each, variables) for each in read_items(template, "initContainers")],
        main=[_fill_resources(each, variables) for each in main],
        has_variables=True,
    )
    has_patch = template.member(_PATCH) or spec.member(_PATCH)
    return SchedulingSpec(
        node_selector=read_node_selector(selector),
        terms=terms,
        preferences=preferences,
        tolerations=add_default_tolerations(read_tolerations(tolerations)),
        requests=devices.requests,
        lines=devices.lines,
        unjudged=(*devices.unjudged, *find_unjudged(template), *((_UNJUDGED_PATCH,) if has_patch else ())),
    )


def _fill_resources(container: Value, variables: Mapping[str, str]) -> Value:
    """Return a container with its variables replaced. Raises DocumentError if a device count keeps one."""
    filled = fill(container, variables)
    for kind in ("limits", "requests"):
        amounts = find(filled, "resources", kind)
        for name, amount in amounts.mapping().items() if amounts else ():
            if name.startswith(VENDOR):
                check_filled(amount)
    return filled
