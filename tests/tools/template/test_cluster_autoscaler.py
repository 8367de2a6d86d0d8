"""Tags and annotations, read back as cluster-autoscaler reads them: AWS, Azure and Cluster API."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import yaml

from gfd.clusterview.nodes import Taint
from gfd.tools.template.formats import cluster_api, cluster_autoscaler_aws, cluster_autoscaler_azure
from gfd.tools.template.model import NodeTemplate
from tests.tools.template.templates import SIZE, TAINTS, check_resources, has_devices, list_templates

CAPACITY = "capacity.cluster-autoscaler.kubernetes.io/"
PLAIN = NodeTemplate(name="pool", labels={"nvidia.com/gpu.product": "Tesla-T4"})
Parts = tuple[dict[str, str], dict[str, str], set[tuple[str, str, str]]]


def read_tags(tags: dict[str, str], slash: str) -> Parts:
    """Return labels, resources and taints; what follows the last part of a prefix is the key."""
    parts: dict[str, dict[str, str]] = {"label": {}, "resources": {}, "taint": {}}
    for key, value in tags.items():
        kind, _, name = key.removeprefix(
            f"k8s.io{slash}cluster-autoscaler{slash}node-template{slash}"
        ).partition(slash)
        parts[kind][name] = value
    taints = {(key, *text.split(":", 1)) for key, text in parts["taint"].items()}
    return parts["label"], parts["resources"], taints  # type: ignore[return-value]


def read_aws(text: str) -> Parts:
    tags = json.loads(text)
    assert all(each["ResourceType"] == "auto-scaling-group" and each["ResourceId"] for each in tags)
    assert not any(each["PropagateAtLaunch"] for each in tags)
    assert all(len(each["Key"]) <= 128 and len(each["Value"]) <= 256 for each in tags)
    return read_tags({each["Key"]: each["Value"] for each in tags}, "/")


def read_azure(text: str) -> Parts:
    tags = dict(line.split("=", 1) for line in text.splitlines())
    assert not any(set("<>%&\\?/") & set(name) for name in tags)
    assert len({name.lower() for name in tags}) == len(tags)
    labels, resources, taints = read_tags(tags, "_")
    return (
        {decode(key): value for key, value in labels.items()},
        # Not "_": the autoscaler reads the names of resources in this way.
        {key.replace("_", "/").replace("~2", "/"): value for key, value in resources.items()},
        {(decode(key), value, effect) for key, value, effect in taints},
    )


def decode(name: str) -> str:
    return name.replace("_", "/").replace("~2", "_")


def read_cluster_api(text: str) -> tuple[dict[str, str], dict[str, str], set[tuple[str, str, str]]]:
    """Return the annotations without prefix, the labels and the taints."""
    given = yaml.safe_load(text)["metadata"]["annotations"]
    found = {key.removeprefix(CAPACITY): value for key, value in given.items()}
    labels = dict(pair.split("=", 1) for pair in found.pop("labels").split(","))
    taints = set()
    for each in filter(None, found.pop("taints", "").split(",")):
        pair, effect = each.split(":")
        key, _, value = pair.partition("=")
        taints.add((key, value, effect))
    return found, labels, taints


def plain(taints: tuple[Taint, ...]) -> set[tuple[str, str, str]]:
    return {(taint.key, taint.value, taint.effect) for taint in taints}


def test_aws_reads_what_the_node_will_have() -> None:
    for template in list_templates():
        labels, resources, taints = read_aws(cluster_autoscaler_aws.write(template).text)
        assert labels == template.labels
        assert taints == plain(TAINTS)
        check_resources(template, 8, resources)


def test_azure_reads_what_the_node_will_have() -> None:
    for template in list_templates():
        labels, resources, taints = read_azure(cluster_autoscaler_azure.write(template).text)
        assert labels == template.labels
        assert taints == plain(TAINTS)
        check_resources(template, 8, resources)


def test_cluster_api_reads_what_the_node_will_have() -> None:
    for template in list_templates():
        formatted = cluster_api.write(template)
        found, labels, taints = read_cluster_api(formatted.text)
        assert labels == template.labels
        assert taints == plain(TAINTS)
        device, count = found.pop("gpu-type", ""), found.pop("gpu-count", "")
        assert found == {
            "cpu": SIZE["cpu"],
            "memory": SIZE["memory"],
            "ephemeral-disk": SIZE["ephemeral-storage"],
            "maxPods": SIZE["pods"],
        }
        devices = {name: text for name, text in template.allocatable.items() if name not in SIZE}
        assert devices.get(device, "") == count
        assert bool(device) == has_devices(template)
        # One resource is in the annotations; a warning names each of the others.
        assert [each.split()[0] for each in formatted.warnings] == sorted(
            devices.keys() - {device}, key=lambda name: (name != "nvidia.com/gpu", -int(devices[name]), name)
        )


def test_cluster_api_needs_cpu_and_memory() -> None:
    (warning,) = cluster_api.write(replace(PLAIN, allocatable={"memory": "1Gi"})).warnings
    assert warning.startswith("without cpu the group does not scale from zero, unless the infrastructure")
    assert warning.endswith("; add --resource cpu=QUANTITY")


@pytest.mark.parametrize("module", [cluster_autoscaler_aws, cluster_autoscaler_azure])
def test_more_tags_than_the_cloud_takes(module: object) -> None:
    labels = {f"nvidia.com/l{number}": "x" for number in range(49)}
    write = module.write  # type: ignore[attr-defined]
    offers = {"nvidia.com/gpu": "8"}
    assert write(replace(PLAIN, labels=labels, allocatable=offers)).warnings == ()
    (warning,) = write(replace(PLAIN, labels=labels, allocatable={**offers, "cpu": "1"})).warnings
    assert warning.startswith("these are 51 tags, and a ")
    assert warning.endswith(" takes 50; choose labels with --label")


@pytest.mark.parametrize("module", [cluster_autoscaler_aws, cluster_autoscaler_azure])
def test_two_taints_with_one_key(module: object) -> None:
    taints = (Taint(key="a", effect="NoSchedule"), Taint(key="a", value="b", effect="NoExecute"))
    formatted = module.write(replace(PLAIN, taints=taints))  # type: ignore[attr-defined]
    assert "b:NoExecute" in formatted.text
    assert formatted.warnings == (
        "the taint a:NoSchedule is left out: the tags hold one taint per key, and that is a=b:NoExecute",
    )


def test_a_key_that_is_too_long_for_aws() -> None:
    key = f"{'a' * 60}.example.com/{'b' * 60}"
    formatted = cluster_autoscaler_aws.write(replace(PLAIN, labels={**PLAIN.labels, key: "c"}))
    assert read_aws(formatted.text)[0] == PLAIN.labels
    (warning,) = formatted.warnings
    assert warning.endswith(
        f"{key} is left out: AWS takes at most 128 characters; shorten the label's prefix"
    )


def test_a_resource_that_azure_cannot_name() -> None:
    formatted = cluster_autoscaler_azure.write(
        replace(PLAIN, allocatable={"example.com/a_b": "1", "cpu": "2"})
    )
    assert read_azure(formatted.text)[1] == {"cpu": "2"}
    assert formatted.warnings == (
        "the resource example.com/a_b is left out: cluster-autoscaler on Azure cannot read a resource with _",
    )
