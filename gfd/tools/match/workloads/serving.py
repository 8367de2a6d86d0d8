"""The VLLMRuntime of vLLM's production stack, and the Workspace of KAITO.

Field paths follow production-stack.vllm.ai/v1alpha1 and kaito.sh/v1beta1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.device_counts import GPU, MIG
from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import (
    compose,
    compose_container,
    compose_node_affinity,
    move,
)
from gfd.tools.match.workloads.counts import count_at, start_all_together
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader


def _compose_vllm(spec: Value) -> Value:
    """Return the PodSpec of a VLLMRuntime."""
    config = spec.field("deploymentConfig")
    containers = [_compose_vllm_container(config)]
    sidecar = config.member("sidecarConfig")
    if sidecar and (enabled := sidecar.member("enabled")) and enabled.content:
        containers.append(_compose_vllm_container(sidecar))
    terms = config.member("nodeSelectorTerms")
    return compose(
        config,
        containers=containers,
        tolerations=config.member("toleration"),
        runtimeClassName=config.member("runtimeClass"),
        affinity=terms and compose_node_affinity(terms, terms),
    )


def _compose_vllm_container(part: Value) -> Value:
    amounts = part.member("resources")
    if amounts is None:
        return compose(part)
    limits = {
        "cpu": amounts.member("cpu"),
        "memory": amounts.member("memory"),
        read_text(amounts, "gpuType") or GPU: amounts.member("gpu"),
    }
    return compose_container(part, limits, amounts)


_VLLM_RUNTIME = Kind(PodSet(spec=_compose_vllm, count=count_at("deploymentConfig", "replicas")))


def _compose_kaito(workspace: Value) -> Value:
    """Return the PodSpec of a Workspace: its template, or a container that asks for its partition."""
    resource = workspace.field("resource")
    selector, partition = resource.member("labelSelector"), resource.member("partition")
    template = find(workspace, "inference", "template", "spec")
    limits: dict[str, Value | None] = {}
    if partition and read_text(partition, "mode") == "mig":
        limits[f"{MIG}{read_text(partition, 'profile')}"] = move(partition.field("profile"), 1)
    elif partition:
        limits[GPU] = partition.member("count")
    container = compose_container(resource, limits, partition)
    expressions = selector and selector.member("matchExpressions")
    terms = expressions and [compose(expressions, matchExpressions=expressions)]
    return compose(
        resource,
        template,
        containers=read_items(template, "containers") if template else [container],
        nodeSelector=selector and selector.member("matchLabels"),
        affinity=expressions and compose_node_affinity(expressions, terms),
    )


def _list_kaito_unjudged(workspace: Value) -> Iterator[str]:
    for part in () if find(workspace, "resource", "partition") else ("inference", "tuning"):
        if preset := find(workspace, part, "preset"):
            yield f"{part}.preset: KAITO requests the GPUs that the model {read_text(preset, 'name')} needs"
    if kind := read_text(workspace, "resource", "instanceType"):
        yield f"resource.instanceType: KAITO may create nodes of the type {kind}"


_WORKSPACE = Kind(
    PodSet(
        owner="",
        spec=_compose_kaito,
        template="inference.template",
        count=count_at("resource", "count"),
        unjudged=_list_kaito_unjudged,
    ),
    minimum=start_all_together,
)

KINDS: Mapping[tuple[str, str], Reader] = {
    ("production-stack.vllm.ai", "VLLMRuntime"): _VLLM_RUNTIME.read,
    ("kaito.sh", "Workspace"): _WORKSPACE.read,
}
