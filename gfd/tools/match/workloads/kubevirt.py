"""The virtual machines of KubeVirt (kubevirt.io/v1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.tools.match.podspec.fields import find, read_items, read_text
from gfd.tools.match.workloads.composition import (
    POD_FIELDS,
    compose,
    compose_mapping,
    move,
    pick,
)
from gfd.tools.match.workloads.counts import count_at
from gfd.tools.match.workloads.kind import Kind, PodSet

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.documents.value import Value
    from gfd.tools.match.workloads.kind import Reader


def _compose_launcher(spec: Value) -> Value:
    """Return the PodSpec of the pod that runs the machine; each device is a resource of its own name."""
    devices = _list_devices(spec)
    amounts: dict[str, Value | None] = {}
    for device in devices:
        if name := read_text(device, "deviceName"):
            count = sum(read_text(each, "deviceName") == name for each in devices)
            amounts.setdefault(name, move(device.field("deviceName"), count))
    domain = spec.field("domain")
    guest = {"memory": find(domain, "memory", "guest")}
    requests = compose_mapping(domain, guest, find(domain, "resources", "requests"))
    resources = compose(domain, limits=compose_mapping(domain, amounts), requests=requests)
    container = compose(domain, resources=resources, devices=domain.member("devices"))
    volumes = [_convert_volume(each) for each in read_items(spec, "volumes")]
    return compose(spec, containers=[container], volumes=volumes, **pick(spec, *POD_FIELDS))


def _convert_volume(volume: Value) -> Value:
    """Return a volume of a pod; a DataVolume is a claim of the same name."""
    return compose(volume, volume, persistentVolumeClaim=volume.member("dataVolume"))


def _list_devices(spec: Value) -> list[Value]:
    return [each for kind in ("gpus", "hostDevices") for each in read_items(spec, "domain", "devices", kind)]


def _list_unjudged(spec: Value) -> Iterator[str]:
    yield "virt-launcher: KubeVirt adds memory, requests for devices such as kvm, and a node selector"
    if any(each.member("claimName") for each in _list_devices(spec)):
        yield "devices: gfd does not judge the resource claims of a virtual machine"


def _compose_machine(machine: Value) -> Value:
    return _compose_launcher(machine.field("template").field("spec"))


def _list_type_unjudged(machine: Value) -> Iterator[str]:
    yield from _list_unjudged(machine.field("template").field("spec"))
    if instance_type := find(machine, "instancetype"):
        yield f"instancetype: {read_text(instance_type, 'name')} may add CPUs, memory and GPUs"


def _make_machine(owner: str) -> Kind:
    return Kind(
        PodSet(
            owner=owner,
            spec=_compose_machine,
            count=count_at("replicas"),
            unjudged=_list_type_unjudged,
        )
    )


KINDS: Mapping[tuple[str, str], Reader] = {
    ("kubevirt.io", "VirtualMachine"): _make_machine("spec").read,
    ("kubevirt.io", "VirtualMachineInstance"): Kind(
        PodSet(spec=_compose_launcher, unjudged=_list_unjudged)
    ).read,
    ("kubevirt.io", "VirtualMachineInstanceReplicaSet"): _make_machine("spec").read,
}
