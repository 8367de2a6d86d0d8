"""ResourceSlices and ResourceClaims as the API server returns them."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

ADDRESS = "resource.kubernetes.io/pciBusID"
PROFILES = {"1g.10gb": 1, "3g.40gb": 3}


def make_gpu(number: int, *, name: str = "NVIDIA H100 80GB HBM3", **more: Any) -> Object:
    """Return a whole GPU; ``more`` are fields of the device."""
    return {
        "name": f"gpu-{number}",
        "attributes": {
            "type": {"string": "gpu"},
            "uuid": {"string": f"GPU-{number}"},
            "productName": {"string": name},
            "architecture": {"string": "Hopper"},
            "cudaComputeCapability": {"version": "9.0.0"},
            "driverVersion": {"version": "580.95.5"},
            "cudaDriverVersion": {"version": "13.0.0"},
            ADDRESS: {"string": f"0000:{number:02x}:00.0"},
        },
        "capacity": {"memory": {"value": "81559Mi"}},
        **more,
    }


def make_mig(parent: int, profile: str, start: int, **more: Any) -> Object:
    """Return a MIG device of a GPU."""
    device = make_gpu(parent)
    attributes = device["attributes"] | {
        "type": {"string": "mig"},
        "uuid": {"string": f"MIG-{parent}-{start}"},
        "parentUUID": {"string": f"GPU-{parent}"},
        "profile": {"string": profile},
    }
    name = f"gpu-{parent}-mig-{profile.replace('.', '')}-19-{start}"
    return {"name": name, "attributes": attributes, "capacity": {"memory": {"value": "9984Mi"}}, **more}


def make_slice(
    node: str, *devices: Object, generation: int = 1, count: int = 1, name: str = "", **spec: Any
) -> Object:
    """Return a ResourceSlice of NVIDIA's driver; ``spec`` are more fields of the spec."""
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceSlice",
        "metadata": {"name": name or f"{node}-gpu.nvidia.com-{generation}"},
        "spec": {
            "driver": "gpu.nvidia.com",
            "nodeName": node,
            "pool": {"name": node, "generation": generation, "resourceSliceCount": count},
            "devices": list(devices),
            **spec,
        },
    }


def make_claim(name: str, node: str, *devices: str, pods: tuple[str, ...] = (), **result: Any) -> Object:
    """Return a ResourceClaim that holds devices of a node; ``result`` are more fields of each result."""
    results = [
        {"request": "gpu", "driver": "gpu.nvidia.com", "pool": node, "device": device, **result}
        for device in devices
    ]
    return {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "ResourceClaim",
        "metadata": {"name": name, "namespace": "team", "creationTimestamp": "2026-01-02T03:04:05Z"},
        "status": {
            "allocation": {"devices": {"results": results}},
            "reservedFor": [{"resource": "pods", "name": pod, "uid": pod} for pod in pods],
        },
    }


def make_partitionable(node: str) -> tuple[Object, Object]:
    """Return the slices of a node with one GPU whose MIG devices the driver creates on demand."""
    full = {"multiprocessors": {"value": "132"}} | {
        f"memory-slice-{each}": {"value": "1"} for each in range(8)
    }

    def consume(first: int, size: int, multiprocessors: int) -> list[Object]:
        counters = {f"memory-slice-{each}": {"value": "1"} for each in range(first, first + size)}
        return [
            {
                "counterSet": "gpu-0-counter-set",
                "counters": {"multiprocessors": {"value": str(multiprocessors)}, **counters},
            }
        ]

    devices = [
        make_gpu(0, consumesCounters=consume(0, 8, 132)),
        *(make_mig(0, "1g.10gb", each, consumesCounters=consume(each, 1, 16)) for each in range(7)),
        *(make_mig(0, "3g.40gb", each, consumesCounters=consume(each, 4, 60)) for each in (0, 4)),
    ]
    counters = make_slice(
        node, count=2, name="counters", sharedCounters=[{"name": "gpu-0-counter-set", "counters": full}]
    )
    return counters, make_slice(node, *devices, count=2, name="devices")
