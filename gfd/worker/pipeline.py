"""One cycle: read, resolve, render. :mod:`gfd.publishing.publisher` then publishes the labels.

Driver calls and the operator's templates run in a child process with a deadline (:mod:`gfd.worker`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from gfd.inventory.progress import ignore_progress
from gfd.labels import limits
from gfd.labels.requirements import explain_unknown_memory
from gfd.worker import discovery
from gfd.worker.result import CycleResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from gfd.inventory.model import FailedGpu, Inventory
    from gfd.inventory.progress import Progress
    from gfd.labels.resources import NodeFacts
    from gfd.labels.syntax import Labels
    from gfd.labels.template_files import TemplateFile
    from gfd.labels.templates import Templates
    from gfd.worker.discovery import ProbeResult
    from gfd.worker.request import Request


def label(request: Request, progress: Progress) -> dict[str, Any]:
    """Read, resolve and render; return a CycleResult as plain values. Raises GfdError."""
    from gfd.inventory.snapshot import to_plain

    found = discovery.read(request.config, request.inventory, progress)
    plain: dict[str, Any] = to_plain(resolve_and_render(request, found, progress))
    return plain


def check(request: Request, progress: Progress) -> dict[str, Any]:
    """Check that the machine to simulate and the templates can be used. Raises GfdError."""
    discovery.check(request.config)
    limits.impose()
    compile_templates(request, progress)
    return {}


JOBS: dict[str, Callable[[Request, Progress], dict[str, Any]]] = {
    "label": label,
    "check": check,
}


def read(request: Request, progress: Progress, *, is_complete: bool = False) -> dict[str, Any]:
    """Read the hardware; return a ProbeResult as plain values. Raises GfdError."""
    found = discovery.read(request.config, request.inventory, progress, is_complete=is_complete)
    return discovery.to_plain(found)


def resolve_and_render(
    request: Request, found: ProbeResult, progress: Progress = ignore_progress
) -> CycleResult:
    """Turn a probe result into labels. Raises GfdError."""
    node = resolve(request, found.inventory)
    if request.templates:
        limits.impose()
    templates = compile_templates(request, progress)
    labels = templates.render(node, found.inventory, request.config.extra_labels, progress)
    return _summarise(found, labels, node.failed)


def resolve(request: Request, inventory: Inventory) -> NodeFacts:
    """Apply the request's MIG strategy and sharing to ``inventory``. Raises ProbeError and ConfigError."""
    from gfd.labels import resources

    return resources.resolve(
        inventory,
        mig_strategy=request.config.mig_strategy,
        sharing=request.config.sharing,
        timestamp=None if request.config.no_timestamp else request.timestamp_s,
        has_device_plugin=request.config.has_device_plugin,
    )


def compile_templates(request: Request, progress: Progress = ignore_progress) -> Templates:
    """Return the request's templates; compile them once per process. Raises TemplateError."""
    templates = _make_templates(request.templates, request.config.label_prefix_allow)
    templates.compile(request.config.mig_strategy, request.config.extra_labels, progress)
    return templates


@lru_cache(maxsize=1)
def _make_templates(sources: tuple[TemplateFile, ...], prefixes: tuple[str, ...]) -> Templates:
    from gfd.labels.templates import Templates

    return Templates(sources, prefixes)


def _summarise(found: ProbeResult, labels: Labels, failed: tuple[FailedGpu, ...]) -> CycleResult:
    """Return the labels with counts of devices. ``failed`` are the GPUs that the labels leave out."""
    mig_devices: dict[str, int] = {}
    for gpu in found.inventory.gpus:
        for device in gpu.mig_devices or ():
            name = device.profile or "unknown"
            mig_devices[name] = mig_devices.get(name, 0) + 1
    failed_indices = {gpu.index for gpu in failed}
    gpus = [gpu for gpu in found.inventory.gpus if gpu.index not in failed_indices]
    return CycleResult(
        labels=labels,
        gpus=len(gpus),
        failed_gpus={str(gpu.index): str(gpu.failure.to_error()) for gpu in failed},
        failed_cards={str(gpu.index): {"pci_address": gpu.pci_address, "uuid": gpu.uuid} for gpu in failed},
        unknown_memory=explain_unknown_memory(gpus),
        mig_devices=mig_devices,
        missing_driver=found.missing_driver,
        has_hardware=found.has_hardware,
    )
