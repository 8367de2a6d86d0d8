"""The resources of containers that become claims, and the kinds of devices that they mean."""

from __future__ import annotations

from dataclasses import dataclass

from gfd.clusterview.device_counts import GPU, SHARED, extract_mig_profile, is_device
from gfd.clusterview.dra.device_counts import GPU_CLASS, MIG_CLASS
from gfd.labels.syntax import VENDOR
from gfd.tools.claim_templates.attribute_values import PARTIAL_PROFILE, split_profile

SHARING = "a ResourceClaim takes whole devices, and its pod gets them for itself"
SHARING_STEP = (
    "to share a device, let pods use one ResourceClaim with a GpuConfig: docs/dra-pods.md#share-a-device"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceKind:
    """Whole GPUs, or MIG devices of one profile."""

    resource: str
    """The resource of the device plugin that stands for them."""
    profile: str = ""
    """The MIG profile as labels have it; empty for whole GPUs."""

    @property
    def device_class(self) -> str:
        """Return the DeviceClass of NVIDIA's DRA driver."""
        return MIG_CLASS if self.profile else GPU_CLASS

    @property
    def prefix(self) -> str:
        """Return the beginning of the labels that describe one such device."""
        return f"{self.resource}."

    @property
    def is_named_by_product(self) -> bool:
        """Whether ``nvidia.com/gpu`` means MIG devices, as with the MIG strategy single."""
        return bool(self.profile) and self.resource == GPU


def explain_resource(resource: str) -> tuple[str, str] | None:
    """Return why a resource of NVIDIA cannot become a claim, and what to do; None if it can."""
    if not is_device(resource):
        name = f"it is neither {GPU} nor a MIG device of the device plugin"
        return name, "ask the maker of the resource how to request it on nodes with the DRA driver"
    if resource.endswith(SHARED):
        whole = resource.removesuffix(SHARED)
        return SHARING, f"write {whole} for a whole device; {SHARING_STEP}"
    if resource != GPU and split_profile(profile := extract_mig_profile(resource))[1]:
        return PARTIAL_PROFILE, f"write {VENDOR}mig-{profile.partition('c.')[2]}"
    return None
