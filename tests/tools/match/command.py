"""What the tests of the command gfd match share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Gfd = Callable[..., tuple[int | None, str, str]]
ROOT = Path(__file__).parents[3]
EXAMPLES = Path("manifests/examples")
POD = str(EXAMPLES / "vectoradd.yaml")
WORKFLOW = str(EXAMPLES / "argo-vector-add.yaml")
SLICE = "A100-PCIE-40GB-MIG-1g.5gb"
PRODUCT = "nvidia.com/gpu.product"
UNKNOWN = (
    "not judged: requests: the pods on the node are unknown; pass --pods with the output of"
    " kubectl get pods -A -o json\n"
)
MAY_FIT = "may fit; what could not be judged is in the output\n"
PRINTED = Path("tests/fixtures/printed")


def node(name: str, product: str = "", gpus: int = 8, **spec: Any) -> dict[str, Any]:
    labels = {PRODUCT: product} if product else {}
    allocatable = {"cpu": "8", "nvidia.com/gpu": str(gpus)} if gpus else {"cpu": "8"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": spec,
        "status": {"allocatable": allocatable},
    }


def placed(name: str, on: str, gpus: int, phase: str = "Running") -> dict[str, Any]:
    container = {"name": "c", "resources": {"limits": {"nvidia.com/gpu": gpus}}}
    spec = {"nodeName": on, "containers": [container]}
    return {"kind": "Pod", "metadata": {"name": name}, "spec": spec, "status": {"phase": phase}}


def listed(path: Path, *items: dict[str, Any]) -> str:
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    return str(path)
