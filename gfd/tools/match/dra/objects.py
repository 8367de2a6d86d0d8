"""Read ResourceClaims, ResourceClaimTemplates and DeviceClasses of resource.k8s.io/v1.

:mod:`.reader` reads their fields. Objects of files must be what the API server accepts; those that it has
stored may have fields that this version of gfd does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from gfd.clusterview.affinity_terms import DEFAULT_NAMESPACE
from gfd.clusterview.dra.claims import read_claim
from gfd.clusterview.dra.model import API_VERSION
from gfd.clusterview.dra.snapshot import CLAIM, CLASS, TEMPLATE
from gfd.documents.value import wrap
from gfd.tools.match.dra.reader import ClaimReader
from gfd.tools.match.podspec.fields import read_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.dra.model import ClaimSpec, DeviceClass
    from gfd.tools.match.manifests.objects import Manifest

GROUP = API_VERSION.partition("/")[0]
KINDS = (CLAIM, TEMPLATE, CLASS)
_FLAT_VERSIONS = ("v1alpha3", "v1beta1")
"""Versions whose requests have the fields of ``exactly`` beside their name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimObjects:
    """The objects that claims of pods name, by ``namespace/name``, and classes by name."""

    claims: Mapping[str, ClaimSpec] = field(default_factory=dict)
    templates: Mapping[str, ClaimSpec] = field(default_factory=dict)
    classes: Mapping[str, DeviceClass] = field(default_factory=dict)

    def join(self, others: ClaimObjects) -> ClaimObjects:
        """Return these objects and the ``others`` that have no namesake here."""
        return ClaimObjects(
            claims={**others.claims, **self.claims},
            templates={**others.templates, **self.templates},
            classes={**others.classes, **self.classes},
        )


def read_manifest(manifest: Manifest, text: str) -> ClaimObjects:
    """Return an object of :data:`KINDS` of a file with this text.

    Raises DocumentError if the API server refuses the object.
    """
    value = manifest.value
    if manifest.api_version != API_VERSION:
        version = manifest.api_version.partition("/")[2]
        more = (
            ", and put all fields of each request but its name under exactly"
            if version in _FLAT_VERSIONS and manifest.kind != CLASS
            else ""
        )
        reason = f"gfd reads {API_VERSION} only; write apiVersion: {API_VERSION}{more}"
        raise value.field("apiVersion").error(reason)
    if not manifest.name:
        raise value.field("metadata").error("needs a name")
    value.only("apiVersion", "kind", "metadata", "spec", "status")
    return _read(manifest.kind, manifest.name, manifest.namespace, value, ClaimReader(text))


def read_stored(kind: str, item: Mapping[str, Any]) -> ClaimObjects:
    """Return an object of the API server, or of a file with kubectl's output.

    Raises DocumentError if it is malformed.
    """
    metadata = item.get("metadata") or {}
    name, namespace = str(metadata.get("name", "")), str(metadata.get("namespace") or "")
    title = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    return _read(kind, name, namespace, wrap(dict(item), title), ClaimReader())


def _read(kind: str, name: str, namespace: str, value: Value, reader: ClaimReader) -> ClaimObjects:
    spec = value.field("spec")
    if kind == CLASS:
        created_at = value.field("metadata").field("creationTimestamp").content
        found = reader.read_class(name, spec)
        return ClaimObjects(classes={name: replace(found, created_at=str(created_at or ""))})
    key = f"{namespace or DEFAULT_NAMESPACE}/{name}"
    if kind == TEMPLATE:
        reader.check_keys(spec, "metadata", "spec")
        return ClaimObjects(templates={key: reader.read_claim(spec.field("spec"), value)})
    try:
        held = read_claim(value.plain())
    except ValueError as error:
        raise value.error(f"{kind} {name} {error}") from error
    claim = replace(
        reader.read_claim(spec, value),
        shared_as=key,
        allocations=held.allocations or None,
        node_selector=held.node_selector,
        is_terminating=bool(read_text(value, "metadata", "deletionTimestamp")),
    )
    return ClaimObjects(claims={key: claim})
