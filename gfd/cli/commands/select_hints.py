"""Answer wishes of ``gfd select`` that are no options: other names for one, and what labels cannot tell."""

from __future__ import annotations

_OTHER_NAMES = {
    "--product": (
        "gpu",
        "model",
        "type",
        "gpu-type",
        "gpu-model",
        "name",
        "card",
        "instance-type",
        "accelerator",
    ),
    "--family": ("arch", "architecture", "generation", "gen"),
    "--memory": ("mem", "vram", "gpu-memory", "gpu-mem", "min-memory", "framebuffer"),
    "--compute": ("compute-capability", "capability", "cc", "sm"),
    "--driver": ("driver-version",),
    "--cuda": ("cuda-version", "runtime"),
    "--mig-profile": ("profile", "slice", "mig-device", "partition"),
    "--count": ("gpus", "num", "number", "num-gpus", "gpu-count", "devices", "n"),
    "--gpus-per-node": ("min-gpus", "node-gpus", "gpus-on-node"),
    "--shared": ("time-slicing", "timeslicing", "time-sliced", "mps", "sharing"),
    "--exclusive": ("whole", "full", "dedicated", "not-shared", "no-shared", "no-mig"),
}
_NO_LABEL = {
    "no label tells how GPUs are connected; choose a product whose machines have {}, or ask an operator for "
    "a label of your own": ("NVLink", "NVSwitch"),
    "no label of a GPU tells {}; request the resource of the network's device plugin beside the GPU, such "
    "as rdma/hca": ("RDMA", "InfiniBand", "RoCE", "EFA", "GPUDirect"),
    "only the name of a product can tell {}; write it there, such as --product 'A100 SXM'": (
        "SXM",
        "PCIe",
        "NVL",
    ),
    "no label tells {}; choose with --product or --compute": (
        "bandwidth",
        "memory-bandwidth",
        "flops",
        "tflops",
        "cores",
        "tensor-cores",
        "FP8",
        "BF16",
        "power",
        "clock",
        "ECC",
        "NUMA",
        "price",
        "cost",
    ),
    "gfd select writes only what concerns GPUs; add {} to the pod yourself, as a nodeSelector or under "
    "resources": ("zone", "region", "cpu", "cpus", "spot", "node-pool", "nodepool", "arm64", "amd64"),
}

HINTS = {
    **{f"--{name}": f"write {option} instead" for option, names in _OTHER_NAMES.items() for name in names},
    **{f"--{name.lower()}": text.format(name) for text, names in _NO_LABEL.items() for name in names},
}
"""What to do instead, by a flag that people may expect."""
