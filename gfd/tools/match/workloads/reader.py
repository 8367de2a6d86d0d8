"""Read the objects of files, with their pods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.errors import DocumentError, GfdError, SeveralErrors
from gfd.text import escape, join_first
from gfd.tools.match.manifests.objects import identify, parse_objects
from gfd.tools.match.manifests.placeholders import add_hint
from gfd.tools.match.podspec import rules
from gfd.tools.match.podspec.pod_rules import NAMESPACE
from gfd.tools.match.workloads import argo
from gfd.tools.match.workloads.table import read_workload
from gfd.tools.match.workloads.unread import find_renderer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gfd.documents.value import Value
    from gfd.tools.match.dra.objects import ClaimObjects
    from gfd.tools.match.manifests.objects import Manifest, ManifestFile
    from gfd.tools.match.workloads.table import Workload

MAX_NAMED = 5
"""The maximum number of objects in a message."""


def read_workloads(files: Iterable[ManifestFile]) -> list[Workload]:
    """Return the objects of all files in order, those without pods as well.

    Raises GfdError with one line for each wrong object, or if no object has pods.
    """
    found: list[Workload] = []
    sources: list[str] = []
    errors: list[DocumentError] = []
    manifests: list[Manifest] = []
    seen: dict[tuple[str, str, str, str], Manifest] = {}
    for text, value in _read_all(files, sources):
        manifest = None
        try:
            manifest = identify(value)
            manifests.append(manifest)
            workload = read_workload(manifest, text)
            if workload.templates or workload.claim_objects:
                _check_name(manifest, seen)
            found.append(workload)
        except DocumentError as error:
            # Argo has variables of its own, about which its reader says more.
            is_explained = manifest and manifest.group == argo.GROUP and "{{" in error.reason
            errors.append(error if is_explained else add_hint(error))
    if not errors:
        errors += argo.find_missing_templates(manifests)
    if errors:
        raise errors[0] if len(errors) == 1 else SeveralErrors(errors)
    if not any(each.templates for each in found):
        raise GfdError(_explain_no_pods(sources, manifests))
    return found


def join_claim_objects(workloads: Iterable[Workload]) -> ClaimObjects | None:
    """Return the ResourceClaims, ResourceClaimTemplates and DeviceClasses of all files; None without any."""
    found = None
    for each in workloads:
        if each.claim_objects:
            found = each.claim_objects.join(found) if found else each.claim_objects
    return found


def _read_all(files: Iterable[ManifestFile], sources: list[str]) -> Iterator[tuple[str, Value]]:
    """Yield the objects of files, each with the text of its file; add the names of files to ``sources``."""
    for file in files:
        sources.append(file.source)
        yield from ((file.text, value) for value in parse_objects(file))


def _check_name(manifest: Manifest, seen: dict[tuple[str, str, str, str], Manifest]) -> None:
    """Raise DocumentError for an illegal name, or for the second object of one kind and name."""
    metadata = manifest.value.field("metadata")
    if manifest.namespace:
        rules.check(metadata.field("namespace"), manifest.namespace, NAMESPACE)
    if manifest.name.endswith("*"):
        rules.check(metadata.field("generateName"), manifest.name[:-1], rules.GENERATED_NAME)
        return
    if manifest.name:
        rules.check(metadata.field("name"), manifest.name, rules.OBJECT_NAME)
    first = seen.setdefault((manifest.group, manifest.kind, manifest.namespace, manifest.name), manifest)
    if first is not manifest:
        raise manifest.value.error(f"{manifest.title} is already in {first.place}; choose another name")


def _explain_no_pods(sources: Sequence[str], manifests: Sequence[Manifest]) -> str:
    expected = "; gfd match reads Pods and objects that create pods: Deployment, Job, Workflow and others"
    found = [f"{escape(each.title)} ({each.place})" for each in manifests]
    if rendered := next((each for each in manifests if find_renderer(each)), None):
        command = f"run {find_renderer(rendered)} | gfd match -"
        expected = f"; {escape(rendered.title)} must be rendered first: {command}"
    if found:
        return f"there is no pod in {join_first(found, MAX_NAMED)}{expected}"
    return f"{', '.join(sources)}: no objects found{expected}"
