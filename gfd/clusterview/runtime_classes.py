"""RuntimeClasses, which change the pods that name them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gfd.clusterview.fields import read_field
from gfd.clusterview.resources import read_amounts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.labels.syntax import Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeClass:
    """What the API server adds to a pod that names the class."""

    name: str
    overhead: Mapping[str, int] = field(default_factory=dict)
    """Amounts by resource: ``cpu`` in thousandths, others in whole units."""
    node_selector: Labels = field(default_factory=dict)
    tolerations: Sequence[Mapping[str, Any]] = ()
    """Tolerations as in a PodSpec."""


def read_runtime_class(item: Mapping[str, Any]) -> RuntimeClass:
    """Return the RuntimeClass that a Kubernetes object describes. Raises ValueError if it is malformed."""
    return RuntimeClass(
        name=read_field(item, "metadata.name", str),
        overhead=read_amounts(read_field(item, "overhead.podFixed", dict)),
        node_selector=read_field(item, "scheduling.nodeSelector", dict),
        tolerations=read_field(item, "scheduling.tolerations", list),
    )
