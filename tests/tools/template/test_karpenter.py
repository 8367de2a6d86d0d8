"""The NodePool and NodeOverlay of a template, read back as karpenter reads them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import yaml

from gfd.tools.template.formats import karpenter
from gfd.tools.template.model import GPU, NodeTemplate
from tests.tools.template.templates import TAINTS, has_devices, list_templates

PLAIN = NodeTemplate(name="pool", labels={"nvidia.com/gpu.product": "Tesla-T4"})


def read(template: NodeTemplate) -> tuple[dict[str, Any], dict[str, Any] | None]:
    pool, *overlays = yaml.safe_load_all(karpenter.write(template).text)
    assert (pool["apiVersion"], pool["kind"]) == ("karpenter.sh/v1", "NodePool")
    assert len(overlays) <= 1
    return pool["spec"]["template"], overlays[0] if overlays else None


def test_labels_taints_and_devices() -> None:
    for template in list_templates():
        pool, overlay = read(template)
        assert pool["metadata"]["labels"] == template.labels
        assert [(each["key"], each.get("value", ""), each["effect"]) for each in pool["spec"]["taints"]] == [
            (taint.key, taint.value, taint.effect) for taint in TAINTS
        ]
        devices = {
            name: text for name, text in template.allocatable.items() if name.startswith("nvidia.com/")
        }
        if overlay is None:
            assert devices.keys() <= {GPU}
            assert template.has_whole_gpus
        else:
            (requirement,) = overlay["spec"]["requirements"]
            assert requirement == {
                "key": "karpenter.sh/nodepool",
                "operator": "In",
                "values": [template.name],
            }
            counted = {GPU: "8", **overlay["spec"]["capacity"]} if has_devices(template) else {}
            assert {name: text for name, text in counted.items() if text != "0"} == devices


def test_the_instance_type_is_a_requirement() -> None:
    assert "spec" not in read(PLAIN)[0]
    assert read(replace(PLAIN, instance_type="p5.48xlarge"))[0]["spec"] == {
        "requirements": [
            {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["p5.48xlarge"]}
        ]
    }


def test_labels_that_karpenter_refuses() -> None:
    labels = {**PLAIN.labels, "karpenter.sh/a": "b", "x.karpenter.sh/a": "b", "mykarpenter.sh/a": "b"}
    template = replace(PLAIN, labels=labels)
    assert read(template)[0]["metadata"]["labels"] == {**PLAIN.labels, "mykarpenter.sh/a": "b"}
    assert karpenter.write(template).warnings == (
        "karpenter.sh/a is left out: karpenter keeps the domain karpenter.sh for itself",
        "x.karpenter.sh/a is left out: karpenter keeps the domain karpenter.sh for itself",
    )


def test_more_labels_than_a_nodepool_takes() -> None:
    labels = {f"nvidia.com/l{number}": "x" for number in range(101)}
    assert karpenter.write(replace(PLAIN, labels=labels)).warnings == (
        "these are 101 labels, and a NodePool takes 100; choose labels with --label",
    )
