"""The ResourceFlavor of a template: at most 8 labels and 8 taints."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from gfd.clusterview.nodes import Taint
from gfd.tools.template.formats import kueue
from gfd.tools.template.model import NodeTemplate
from tests.tools.template.templates import TAINTS, list_templates

LABELS = {f"nvidia.com/l{number}": "x" for number in range(10)}
PLAIN = NodeTemplate(name="flavor", labels=LABELS, is_selected=True)


def read(template: NodeTemplate) -> dict[str, Any]:
    flavor = yaml.safe_load(kueue.write(template).text)
    assert (flavor["apiVersion"], flavor["kind"]) == ("kueue.x-k8s.io/v1beta2", "ResourceFlavor")
    assert flavor["metadata"] == {"name": template.name}
    spec: dict[str, Any] = flavor["spec"]
    return spec


def test_labels_and_taints() -> None:
    for template in list_templates():
        spec = read(template)
        assert len(spec["nodeLabels"]) <= 8
        assert spec["nodeLabels"].items() <= template.labels.items()
        assert [(each["key"], each.get("value", ""), each["effect"]) for each in spec["nodeTaints"]] == [
            (taint.key, taint.value, taint.effect) for taint in TAINTS
        ]
        product = template.labels.get("nvidia.com/gpu.product")
        assert spec["nodeLabels"].get("nvidia.com/gpu.product") == product


def test_labels_that_the_user_chose() -> None:
    chosen = dict(list(LABELS.items())[:8])
    assert read(replace(PLAIN, labels=chosen)) == {"nodeLabels": chosen}
    assert read(PLAIN)["nodeLabels"] == chosen
    assert kueue.write(PLAIN).warnings == (
        "a ResourceFlavor takes 8 labels: nvidia.com/l8, nvidia.com/l9 are left out; choose with --label",
    )


def test_more_taints_than_a_flavor_takes() -> None:
    taints = tuple(Taint(key=f"t{number}", effect="NoSchedule") for number in range(9))
    template = replace(PLAIN, labels={}, taints=taints)
    assert len(read(template)["nodeTaints"]) == 8
    assert kueue.write(template).warnings == ("a ResourceFlavor takes 8 taints: t8:NoSchedule are left out",)
