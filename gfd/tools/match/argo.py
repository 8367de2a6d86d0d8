"""Argo's workflows: a pod for each template that makes one.

What a template does not say of nodeSelector, affinity and tolerations, and templateDefaults do not add, comes
from the steps or DAG that call it, else from the workflow, as in Argo 3.5 and later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR
from gfd.tools.match.affinity import read_affinity, read_node_selector
from gfd.tools.match.devices import read_devices
from gfd.tools.match.fields import text_of
from gfd.tools.match.indentation import find_lost
from gfd.tools.match.merging import add_defaults
from gfd.tools.match.pods import Pod, make
from gfd.tools.match.podspec import Read, find_unjudged, read_tolerations
from gfd.tools.match.spec import Spec
from gfd.tools.match.taints import admit
from gfd.tools.match.variables import demand_all, fill, read_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gfd.errors import DocumentError
    from gfd.tools.match.documents import Document
    from gfd.tools.match.fields import Part

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
    """Return an error for each object that is none of ``documents`` and whose templates are used."""
    there = {(each.kind, each.name) for each in documents}
    found = []
    for reference in (each for document in documents for each in _references(document)):
        name = text_of(reference.member("name"), "TemplateRef")
        scope = reference.member("clusterScope")
        kind = "ClusterWorkflowTemplate" if scope and scope.value else "WorkflowTemplate"
        if (kind, name) not in there:
            where = f"what it names stands in {kind} {name}: match the file with that too"
            found.append(reference.complain(f"{reference.path}: {where}"))
    return found


def _references(document: Document) -> Iterator[Part]:
    """Yield what names templates of other objects."""
    specs = [document.part.find("spec"), document.part.find("spec", "workflowSpec")]
    for spec in filter(None, specs if document.group == GROUP else ()):
        if whole := spec.member("workflowTemplateRef"):
            yield whole
        for template in _templates(spec):
            yield from (single for call in _calls(template) if (single := call.member("templateRef")))


def _demand(part: Part, name: str, document: Document) -> Part:
    found = part.member(name)
    if found is None:
        raise part.place(name).refuse("Required value", find_lost(document.part))
    return found


def _read(document: Document, spec: Part) -> Iterator[Pod]:
    known = _read_templates(spec)
    variables = read_parameters(spec.member("arguments"), "workflow")
    for name, template in known.items():
        for title, own, varied in _vary_all(spec, name, template, known):
            inputs = read_parameters(own.member("inputs"), "inputs")
            for caller, places in varied.items():
                called = f", called by {caller}" if caller else ""
                yield _make(document, spec, own, places, variables | inputs, title=f"{title}{called}")


def _read_templates(spec: Part) -> dict[str, Part]:
    """Return the templates of a workflow by name, with what is said of all of them."""
    known: dict[str, Part] = {}
    for template in _templates(spec):
        template.check_spelling("WorkflowSpec", "v1alpha1.Template", _INHERITED)
        name = text_of(template.member("name"), "Template")
        if name in known:
            first = f"template {name} is there twice, the first in line {known[name].line}"
            raise template.complain(f"Argo would refuse it: {first}")
        known[name] = add_defaults(template, spec.member("templateDefaults"))
    return known


_Places = tuple["Part | None", ...]
"""What decides the node of a pod, by :data:`_INHERITED`."""


def _vary_all(
    spec: Part, name: str, template: Part, known: Mapping[str, Part]
) -> Iterator[tuple[str, Part, dict[str, _Places]]]:
    """Yield title, template and :func:`_vary` of what makes a pod: a template, and those inline in it."""
    if any(template.member(each) for each in _MAKES_POD):
        yield f"template {name}", template, _vary(spec, template, known, name)
    for call in _calls(template):
        inline = call.member("inline")
        if inline and any(inline.member(each) for each in _MAKES_POD):
            inline.check_spelling("WorkflowStep", "v1alpha1.Template", _INHERITED)
            own = add_defaults(inline, spec.member("templateDefaults"))
            title = f"template {name}, step {text_of(call.member('name'), 'WorkflowStep')}"
            yield title, own, {"": _places(own, template, spec)}


def _vary(spec: Part, template: Part, known: Mapping[str, Part], name: str) -> dict[str, _Places]:
    """Return what decides the node of a template, by its callers; the caller is empty where all agree."""
    callers = [each for each, caller in known.items() if name in _called(caller)]
    found: dict[str, _Places] = {}
    for caller in callers or [""]:
        places = _places(template, known.get(caller), spec)
        if places not in found.values():
            found[caller] = places
    return found if len(found) > 1 else dict(zip([""], found.values(), strict=True))


def _places(*levels: Part | None) -> _Places:
    """Return of each member what the first level says that says anything."""
    return tuple(
        next((part for level in levels if level and (part := level.member(name)) and part.value), None)
        for name in _INHERITED
    )


def _called(template: Part) -> set[str]:
    return {text_of(call.member("template"), "WorkflowStep") for call in _calls(template)}


def _calls(template: Part) -> list[Part]:
    """Return the steps, or the tasks of a DAG."""
    groups = template.items_at("steps", struct="Template", expected="[]v1alpha1.ParallelSteps")
    calls = [step for group in groups for step in group.items("Template", "v1alpha1.ParallelSteps")]
    return calls + template.items_at("dag", "tasks", struct="DAGTemplate", expected="[]v1alpha1.DAGTask")


def _templates(spec: Part) -> list[Part]:
    return spec.items_at("templates", struct="WorkflowSpec", expected="[]v1alpha1.Template")


def _make(
    document: Document,
    spec: Part,
    template: Part,
    places: _Places,
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
    items = template.items_at(*path, struct="Template", expected="[]v1.Container")
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
