"""Find requests for devices that no reader of a kind has read, and say what to do instead."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gfd.labels.syntax import VENDOR

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gfd.documents.value import Value
    from gfd.tools.match.manifests.objects import Manifest
    from gfd.tools.match.workloads.kind import PodTemplate

_NAME = re.compile(rf"{re.escape(VENDOR)}[\w.-]+")
_IN_TEXT = re.compile(rf"(?<![\w.])({_NAME.pattern})[\"']?\s*[:=]\s*[\"']?[\d$\x7b]")
"""Matches a resource with an amount, or with a variable for an amount, in a longer text."""
_SKIPPED = ("apiVersion", "kind", "metadata", "status")
_LABELS = ("labels", "annotations", "matchLabels", "tolerations", "taints")
"""Keys of mappings that name devices, but request none."""
_GROUPS_WITHOUT_PODS = (
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "autoscaling",
    "constraints.gatekeeper.sh",
    "karpenter.k8s.aws",
    "karpenter.sh",
    "kueue.x-k8s.io",
    "kyverno.io",
    "monitoring.coreos.com",
    "networking.k8s.io",
    "nfd.k8s-sigs.io",
    "node.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "resource.k8s.io",
    "scheduling.k8s.io",
    "scheduling.volcano.sh",
    "storage.k8s.io",
    "templates.gatekeeper.sh",
)
_TEXTS = ("ConfigMap", "Secret")
_OWN_KINDS = ("ClusterPolicy", "NVIDIADriver")
"""The kinds of NVIDIA's GPU operator, whose pods request no devices."""

_RENDERERS = {
    ("helm.toolkit.fluxcd.io", "HelmRelease"): "helm template {name} CHART -f VALUES",
    ("helm.cattle.io", "HelmChart"): "helm template {name} CHART -f VALUES",
    ("argoproj.io", "Application"): "argocd app manifests {name}",
    ("argoproj.io", "ApplicationSet"): "argocd app manifests APPLICATION",
    ("kustomize.toolkit.fluxcd.io", "Kustomization"): "flux build kustomization {name} --path DIRECTORY",
    ("kustomize.config.k8s.io", "Kustomization"): "kubectl kustomize DIRECTORY",
    ("template.openshift.io", "Template"): "oc process -f {file}",
    ("kubeai.org", "Model"): "kubectl get pods -l model={name} -o yaml",
}
"""Commands that print the pods of objects which only refer to them."""
_ALWAYS_WITH_PODS = ("Template", "Model")
"""Those of them that cannot be read even if they name no device."""


def find_renderer(manifest: Manifest) -> str:
    """Return the command that prints what an object creates; empty if the object itself describes it."""
    command = _RENDERERS.get((manifest.group, manifest.kind), "")
    return command.format(name=manifest.name or "NAME", file=manifest.value.source)


def check_requests(manifest: Manifest, templates: Iterable[PodTemplate]) -> None:
    """Raise DocumentError for the first request for devices in an object that is in none of ``templates``."""
    command = find_renderer(manifest)
    if command and manifest.kind in _ALWAYS_WITH_PODS:
        reason = f"match what {manifest.title} creates instead: run {command} | gfd match -"
        raise manifest.value.error(reason)
    if _has_no_pods(manifest):
        return
    read: set[int] = set()
    for template in templates:
        for source in (template.spec, *template.sources):
            _collect(source, read)
    for holder, place, name in _find_requests(manifest.value, set()):
        if holder not in read:
            raise place.error(f"asks for {name}{_advise(manifest, command)}")


def _has_no_pods(manifest: Manifest) -> bool:
    if manifest.group == "":
        return manifest.kind not in ("Pod", "PodTemplate", "ReplicationController", *_TEXTS)
    if manifest.group == VENDOR.removesuffix("/"):
        return manifest.kind in _OWN_KINDS
    return manifest.group in _GROUPS_WITHOUT_PODS


def _advise(manifest: Manifest, command: str) -> str:
    if command:
        return f", but {manifest.title} must be rendered first; run {command} | gfd match -"
    if manifest.group == "" and manifest.kind in _TEXTS:
        return " in a text; save the object that the text holds in a file of its own, and match that"
    unknown = f", but gfd match does not read this part of a {manifest.kind}"
    return f"{unknown}; for its pods run kubectl get pod NAME -o yaml | gfd match -"


def _collect(value: Value, found: set[int]) -> None:
    """Add the identities of all mappings and lists in ``value``, which a PodSpec shares with its object."""
    if not isinstance(value.content, dict | tuple) or id(value.content) in found:
        return
    found.add(id(value.content))
    for each in value.content.values() if isinstance(value.content, dict) else value.content:
        _collect(each, found)


def _find_requests(value: Value, seen: set[int]) -> Iterator[tuple[int, Value, str]]:
    """Yield the identity of the mapping or list that holds a request, its place, and the resource."""
    content = value.content
    if not isinstance(content, dict | tuple) or id(content) in seen:
        return
    seen.add(id(content))
    if isinstance(content, tuple):
        members = [("", item) for item in value.items()]
    else:
        skipped = (*_LABELS, *_SKIPPED) if not value.path else _LABELS
        members = [(key, member) for key, member in value.mapping().items() if key not in skipped]
    for key, member in members:
        if name := _read_name(key, member):
            yield id(content), member, name
        yield from _find_requests(member, seen)


def _read_name(key: str, member: Value) -> str:
    """Return the resource that a key or a string requests; empty if it requests none."""
    if _NAME.fullmatch(key):
        return key
    text = member.content if isinstance(member.content, str) else ""
    if _NAME.fullmatch(text.strip()):
        return text.strip()
    match = _IN_TEXT.search(text)
    return match[1] if match else ""
