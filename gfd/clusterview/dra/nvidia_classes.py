"""Write the DeviceClasses for GPUs that the Helm chart of NVIDIA's DRA driver installs.

From kubernetes-sigs/dra-driver-nvidia-gpu at 95932046, ``deployments/helm/dra-driver-nvidia-gpu``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.clusterview.device_counts import GPU
from gfd.clusterview.dra.device_counts import GPU_CLASS, MIG_CLASS, VFIO_CLASS
from gfd.clusterview.dra.model import API_VERSION
from gfd.kube.paths import DRA_DRIVER

if TYPE_CHECKING:
    from collections.abc import Iterator


def make_classes() -> Iterator[dict[str, Any]]:
    """Yield the DeviceClasses for whole GPUs, MIG devices, and GPUs that virtual machines use (vfio)."""
    for name, kind in ((GPU_CLASS, "gpu"), (MIG_CLASS, "mig"), (VFIO_CLASS, "vfio")):
        expression = f"device.driver == '{DRA_DRIVER}' && device.attributes['{DRA_DRIVER}'].type == '{kind}'"
        spec: dict[str, Any] = {"selectors": [{"cel": {"expression": expression}}]}
        if name == GPU_CLASS:
            spec["extendedResourceName"] = GPU  # containers can request whole GPUs by this resource, too
        yield {"apiVersion": API_VERSION, "kind": "DeviceClass", "metadata": {"name": name}, "spec": spec}
