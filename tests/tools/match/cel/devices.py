"""Devices as the drivers of several vendors publish them."""

from __future__ import annotations

from fractions import Fraction

from gfd.clusterview.dra.model import Device, DeviceId, Version

GPU = Device(
    id=DeviceId("gpu.nvidia.com", "node-a", "gpu-0"),
    attributes={
        "gpu.nvidia.com/type": "gpu",
        "gpu.nvidia.com/uuid": "GPU-11111111-2222-3333-4444-555555555555",
        "gpu.nvidia.com/productName": "NVIDIA A100-SXM4-80GB",
        "gpu.nvidia.com/brand": "Nvidia",
        "gpu.nvidia.com/architecture": "Ampere",
        "gpu.nvidia.com/cudaComputeCapability": Version(text="8.0.0"),
        "gpu.nvidia.com/driverVersion": Version(text="580.95.5"),
        "gpu.nvidia.com/cudaDriverVersion": Version(text="13.0.0"),
        "resource.kubernetes.io/pciBusID": "0000:07:00.0",
        "resource.kubernetes.io/pcieRoot": "pci0000:00",
        "resource.kubernetes.io/numaNode": 0,
    },
    capacity={"gpu.nvidia.com/memory": Fraction(80 << 30)},
)
NIC = Device(
    id=DeviceId("dra.net", "node-a", "eth1"),
    attributes={
        "dra.net/ifName": "eth1",
        "dra.net/ipv4": "10.0.0.5/24",
        "dra.net/mtu": 8896,
        "dra.net/rdma": True,
        "dra.net/virtual": False,
        "dra.net/kind": "network",
        "resource.kubernetes.io/pcieRoot": "pci0000:00",
    },
    is_shareable=True,
)
ACCELERATOR = Device(
    id=DeviceId("gpu.intel.com", "node-b", "0000-03-00-0"),
    attributes={
        "gpu.intel.com/model": "Flex 170",
        "gpu.intel.com/family": "Data Center Flex",
        "gpu.intel.com/driver": "xe",
        "gpu.intel.com/sriov": True,
        "gpu.intel.com/pci-root": "01",
        "gpu.intel.com/models": ("Flex 170", "Flex 140"),
        "gpu.intel.com/firmware": Version(text="1.2.0-rc.1"),
    },
    capacity={"gpu.intel.com/memory": Fraction(16 << 30), "gpu.intel.com/millicores": Fraction(1000)},
)
DEVICES = {
    "gpu": GPU,
    "nic": NIC,
    "accelerator": ACCELERATOR,
    "bare": Device(id=DeviceId("x.example", "n", "d")),
}
