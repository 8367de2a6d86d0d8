"""Argo's workflows: a pod for each template that makes one.

What a template does not say of nodeSelector, affinity and tolerations comes from templateDefaults, else from
the steps or DAG that call it, else from the workflow, as in Argo 3.5 and later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.advice.match.affinity import read_affinity, read_node_selector
from gfd.advice.match.devices import read_devices
from gfd.advice.match.indentation import find_lost
from gfd.advice.match.parts import text_of
from gfd.advice.match.pods import Pod, make
from gfd.advice.match.podspec import Read, find_unjudged, read_tolerations
from gfd.advice.match.spec import Spec
from gfd.advice.match.taints import admit
from gfd.advice.match.variables import demand_all, fill, read_parameters
from gfd.advice.nodes import VENDOR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.advice.match.documents import Document
    from gfd.advice.match.parts import Part
    from gfd.errors import DocumentError

GROUP = "argoproj.io"
_MAIN = ("container", "script")
_MAKES_POD = (*_MAIN, "containerSet", "resource", "data")
_INHERITED = ("nodeSelector", "affinity", "tolerations")
_LISTS = (("containerSet", "containers"), ("sidecars",))
_PATCH = "podSpecPatch"


def read_workflow(document: Document) -> Iterator[Pod]:
    """Yield the pods of a workflow's templates. Raises DocumentError."""
    yield from _read(document, _demand(document.part, "spec", document))


def read_cron_workflow(document: Document) -> Iterator[Pod]:
    """Yield the pods of what a CronWorkflow runs. Raises DocumentError."""
    spec = _demand(document.part, "spec", document)
    yield from _read(document, _demand(spec, "workflowSpec", document))


def find_missing(documents: Sequence[Document]) -> list[DocumentError]:
    """Return an error for each workflow whose templates stand in an object that is none of ``documents``."""
    there = {(each.kind, each.name) for each in documents}
    found = []
    for document in documents:
        for path in (("spec",), ("spec", "workflowSpec")):
            reference = document.part.find(*path, "workflowTemplateRef") if document.group == GROUP else None
            name = text_of(reference.member("name") if reference else None, "WorkflowTemplateRef")
            scope = reference.member("clusterScope") if reference else None
            kind = "ClusterWorkflowTemplate" if scope and scope.value else "WorkflowTemplate"
            if reference and (kind, name) not in there:
                where = f"its templates stand in {kind} {name}: match the file with that too"
                found.append(reference.complain(f"{reference.path}: {where}"))
    return found


def _demand(part: Part, name: str, document: Document) -> Part:
    found = part.member(name)
    if found is None:
        raise part.place(name).refuse("Required value", find_lost(document.part))
    return found


def _read(document: Document, spec: Part) -> Iterator[Pod]:
    part = spec.member("templates")
    known: dict[str, Part] = {}
    for template in part.items("WorkflowSpec", "[]v1alpha1.Template") if part else ():
        template.check_spelling("WorkflowSpec", "v1alpha1.Template", _INHERITED)
        name = text_of(template.member("name"), "Template")
        if name in known:
            first = f"template {name} is there twice, the first in line {known[name].line}"
            raise template.complain(f"Argo would refuse it: {first}")
        known[name] = template
    variables = read_parameters(spec.member("arguments"), "workflow")
    for name, template in known.items():
        if any(template.member(each) for each in _MAKES_POD):
            inputs = read_parameters(template.member("inputs"), "inputs")
            for caller, places in _vary(spec, template, known, name):
                title = f"template {name}" + (f", called by {caller}" if caller else "")
                yield _make(document, spec, template, places, variables | inputs, title=title)


def _vary(
    spec: Part, template: Part, known: Mapping[str, Part], name: str
) -> list[tuple[str, tuple[Part | None, ...]]]:
    """Return what decides the node of a template, by its callers; the caller is empty where all agree."""
    defaults = spec.member("templateDefaults")
    callers = [each for each, caller in known.items() if name in _called(caller)]
    found: dict[str, tuple[Part | None, ...]] = {}
    for caller in callers or [""]:
        levels = [each for each in (template, defaults, known.get(caller), spec) if each]
        places = tuple(_first(levels, each) for each in _INHERITED)
        if places not in found.values():
            found[caller] = places
    return list(found.items()) if len(found) > 1 else [("", places) for places in found.values()]


def _first(levels: list[Part], name: str) -> Part | None:
    """Return what the first of them says that says anything."""
    return next((part for level in levels if (part := level.member(name)) and part.value), None)


def _called(template: Part) -> set[str]:
    """Return the names of the templates that steps, or the tasks of a DAG, call."""
    steps = template.member("steps")
    groups = steps.items("Template", "[]v1alpha1.ParallelSteps") if steps else []
    calls = [step for group in groups for step in group.items("Template", "v1alpha1.ParallelSteps")]
    tasks = template.find("dag", "tasks")
    calls += tasks.items("DAGTemplate", "[]v1alpha1.DAGTask") if tasks else []
    return {text_of(call.member("template"), "WorkflowStep") for call in calls}


def _make(
    document: Document,
    spec: Part,
    template: Part,
    places: tuple[Part | None, ...],
    variables: Mapping[str, str],
    *,
    title: str,
) -> Pod:
    selector, affinity, tolerations = (each and fill(each, variables) for each in places)
    for place in (selector, affinity, tolerations):
        if place:
            demand_all(place)
    terms, preferences = read_affinity(affinity, "Template")
    devices = read_devices(
        init=_containers(template, ("initContainers",), variables),
        main=[
            *(_fill_resources(each, variables) for name in _MAIN if (each := template.member(name))),
            *(each for path in _LISTS for each in _containers(template, path, variables)),
        ],
    )
    read = Read(
        spec=Spec(
            node_selector=read_node_selector(selector, "Template"),
            terms=terms,
            preferences=preferences,
            tolerations=admit(read_tolerations(tolerations, "Template")),
            requests=devices.requests,
            lines=devices.lines,
        ),
        unjudged=(
            *devices.others,
            *find_unjudged(template),
            *({_PATCH} if template.member(_PATCH) or spec.member(_PATCH) else ()),
        ),
    )
    return make(document, read, line=template.line, part=title)


def _containers(template: Part, path: tuple[str, ...], variables: Mapping[str, str]) -> list[Part]:
    found = template.find(*path)
    items = found.items("Template", "[]v1.Container") if found else []
    return [_fill_resources(item, variables) for item in items]


def _fill_resources(container: Part, variables: Mapping[str, str]) -> Part:
    """Return a container with the variables of its resources filled in, those of devices all of them."""
    filled = fill(container, variables)
    for kind in ("limits", "requests"):
        amounts = filled.find("resources", kind)
        entries = amounts.entries("ResourceRequirements", "v1.ResourceList") if amounts else {}
        for name, amount in entries.items():
            if name.startswith(VENDOR):
                demand_all(amount)
    return filled
