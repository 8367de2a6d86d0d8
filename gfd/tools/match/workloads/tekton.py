"""The tasks and pipelines of Tekton (tekton.dev/v1 and v1beta1).

All steps of a task run in one pod, whose requests add up. Tasks of a pipeline may run one after the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import POD_FIELDS, compose, compose_mapping, pick
from gfd.tools.match.workloads.kind import PodTemplate
from gfd.tools.match.workloads.variables import Variables, read_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.workloads.composition import Part
    from gfd.tools.match.workloads.kind import Reader

GROUP = "tekton.dev"
_PATTERN = re.compile(r"\$\(\s*([^()]*?)\s*\)")
_RESOURCES = ("computeResources", "resources")
"""The field of a step with its resources, in v1 and in v1beta1."""


def read_task(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pod of a Task. Raises DocumentError."""
    spec = manifest.value.field("spec")
    yield from _read_pod(manifest, spec, run=None, parameters={}, is_alone=True)


def read_task_run(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pod of a TaskRun. Raises DocumentError."""
    run = manifest.value.field("spec")
    parameters = read_parameters(run, "params", scope="params")
    yield from _read_pod(manifest, run.field("taskSpec"), run=run, parameters=parameters)


def read_pipeline(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pod of each task of a Pipeline. Raises DocumentError."""
    yield from _read_tasks(manifest, manifest.value.field("spec"), run=None)


def read_pipeline_run(manifest: Manifest) -> Iterator[PodTemplate]:
    """Yield the pod of each task of a PipelineRun. Raises DocumentError."""
    run = manifest.value.field("spec")
    yield from _read_tasks(manifest, run.field("pipelineSpec"), run=run)


def _read_tasks(manifest: Manifest, pipeline: Value, run: Value | None) -> Iterator[PodTemplate]:
    parameters = read_parameters(pipeline, "params", scope="params")
    parameters |= read_parameters(run, "params", scope="params") if run else {}
    template = run and (find(run, "taskRunTemplate", "podTemplate") or run.member("podTemplate"))
    for task in [*read_items(pipeline, "tasks"), *read_items(pipeline, "finally")]:
        name = read_text(task, "name")
        own = _find_task_run_spec(run, name) or task
        used = compose(own, own, podTemplate=_merge_templates(own, template))
        given = Variables(_PATTERN, parameters)
        inner = {
            key: given.fill_text(text)
            for key, text in read_parameters(task, "params", scope="params").items()
        }
        yield from _read_pod(
            manifest,
            task.field("taskSpec"),
            run=used,
            parameters=parameters | inner,
            part=f"task {name}",
            task=task,
        )


def _find_task_run_spec(run: Value | None, name: str) -> Value | None:
    specs = read_items(run, "taskRunSpecs") if run else []
    return next((each for each in specs if read_text(each, "pipelineTaskName") == name), None)


def _merge_templates(own: Value, template: Value | None) -> Value | None:
    """Return the pod template of a task of a pipeline; what it does not set comes from the run's."""
    mine = own.member("podTemplate") or own.member("taskPodTemplate")
    return compose(mine, template, **mine.mapping()) if mine else template


def _read_pod(
    manifest: Manifest,
    task_spec: Value,
    *,
    run: Value | None,
    parameters: Mapping[str, str],
    part: str = "",
    task: Value | None = None,
    is_alone: bool = False,
) -> Iterator[PodTemplate]:
    """Yield the pod of a task: its steps, sidecars and pod template."""
    known = read_parameters(task_spec, "params", scope="params") | dict(parameters)
    steps = [_name_resources(each, task_spec, run, "step") for each in read_items(task_spec, "steps")]
    sidecars = [_name_resources(each, None, run, "sidecar") for each in read_items(task_spec, "sidecars")]
    total = run and run.member("computeResources")
    if total:
        _check_divisible(total, len(steps))
        steps = [compose(total, resources=total), *(compose(each) for each in steps[1:])]
    template = run and run.member("podTemplate")
    origin = task or run or task_spec
    containers = [*steps, *sidecars] or [compose(origin)]
    spec = compose(origin, containers=containers, **(pick(template, *POD_FIELDS) if template else {}))
    filled, unknown = Variables(_PATTERN, known).fill_spec(spec)
    yield PodTemplate(
        spec=filled,
        sources=(manifest.value.field("spec"),),
        line=origin.line if part else manifest.value.line,
        part=part,
        is_alone=is_alone or bool(part),
        unjudged=(*unknown, *_list_unjudged(task or run, steps)),
    )


def _name_resources(container: Value, task_spec: Value | None, run: Value | None, word: str) -> Value:
    """Return a step or a sidecar with ``resources``, its own or those of the run or the stepTemplate."""
    name = read_text(container, "name")
    overrides = (
        [each for path in (f"{word}Specs", f"{word}Overrides") for each in read_items(run, path)]
        if run
        else []
    )
    sources = [each for each in overrides if name and read_text(each, "name") == name]
    sources.append(container)
    if task_spec and (template := task_spec.member("stepTemplate")):
        sources.append(template)
    parts: dict[str, Part] = {}
    for kind in ("limits", "requests"):
        found = [find(source, field, kind) for source in sources for field in _RESOURCES]
        amounts = [each for each in found if each]
        for other in amounts[1:]:
            amounts[0] = compose_mapping(amounts[0], amounts[0].mapping(), other)
        parts[kind] = amounts[0] if amounts else None
    return compose(container, container, resources=compose_mapping(container, parts))


def _check_divisible(total: Value, steps: int) -> None:
    """Raise DocumentError if Tekton would divide devices between several steps."""
    for kind in ("limits", "requests"):
        amounts = total.member(kind)
        for name, amount in amounts.mapping().items() if amounts else ():
            if name.startswith(VENDOR) and steps > 1:
                reason = f"Tekton divides this among {steps} steps, but a device cannot be divided"
                raise amount.error(f"{reason}; request it in the computeResources of one step")


def _list_unjudged(owner: Value | None, steps: list[Value]) -> Iterator[str]:
    if owner and (reference := owner.member("taskRef")):
        name = read_text(reference, "name") or "of a resolver"
        yield f"taskRef: the steps of the task {name} are in another object; match its file as well"
    if any(each.member("ref") for each in steps):
        yield "ref: the step actions are not in this object"
    if owner and owner.member("matrix"):
        yield "matrix: the number of pods depends on it"


KINDS: Mapping[tuple[str, str], Reader] = {
    (GROUP, "Task"): read_task,
    (GROUP, "TaskRun"): read_task_run,
    (GROUP, "Pipeline"): read_pipeline,
    (GROUP, "PipelineRun"): read_pipeline_run,
}
