"""Templates of every simulated machine, with every layout, strategy and sharing; each template once."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from gfd.clusterview.nodes import Taint
from gfd.clusterview.simulation import make_node
from gfd.config.loader import load
from gfd.kube.quantities import parse
from gfd.labels.strategies import STRATEGIES
from gfd.simulation import machines
from gfd.tools.template.model import GPU, NodeTemplate
from tests.test_golden import label, layouts, read, sharing

TAINTS = (
    Taint(key="nvidia.com/gpu", value="present", effect="NoSchedule"),
    Taint(key="example.com/a_b", effect="NoExecute"),
    Taint(key="spot", value="true", effect="PreferNoSchedule"),
)
_CONFIG = load({}, {}).config
SIZE = {"cpu": "191450m", "memory": "1Ti", "ephemeral-storage": "100Gi", "pods": "250"}


def make(machine: str, layout: str, strategy: str, kind: str) -> NodeTemplate:
    inventory = read(machine, layout)
    shared = sharing(kind, inventory)
    config = _CONFIG._replace(mig_strategy=strategy, sharing=shared)
    labels = label(inventory, strategy, shared)
    devices = make_node(config, machine, labels, inventory).allocatable
    resources = {**SIZE, **{name: str(count) for name, count in devices.items()}}
    return NodeTemplate(
        name=machine,
        labels={**labels, "example.com/a_b": "c_d"},
        capacity=resources,
        allocatable=resources,
        taints=TAINTS,
        has_whole_gpus=set(devices) <= {GPU} and strategy != "single" and kind == "none",
    )


def _list() -> Iterator[NodeTemplate]:
    for machine in machines.list_names():
        for layout in layouts(machine):
            for strategy in STRATEGIES:
                for kind in ("none", "time-slicing", "renamed"):
                    yield make(machine, layout, strategy, kind)


@cache
def list_templates() -> tuple[NodeTemplate, ...]:
    found = {
        (*sorted(each.labels.items()), *sorted(each.allocatable.items()), each.has_whole_gpus): each
        for each in _list()
    }
    return tuple(found.values())


def has_devices(template: NodeTemplate) -> bool:
    return any(name.startswith("nvidia.com/") for name in template.allocatable)


def check_resources(template: NodeTemplate, instance_type_gpus: int, tags: dict[str, str]) -> None:
    """Assert what an autoscaler adds up: the GPUs of the instance type, then what the tags replace."""
    counted = {GPU: instance_type_gpus} if has_devices(template) else {}
    counted |= {name: int(parse(quantity) * 1000) for name, quantity in tags.items()}
    expected = {name: int(parse(quantity) * 1000) for name, quantity in template.allocatable.items()}
    assert {name: count for name, count in counted.items() if count} == expected
