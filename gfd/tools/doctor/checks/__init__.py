"""The checks, one function each. To add one, write the function and add it to CHECKS in its module."""

from __future__ import annotations

from gfd.tools.doctor.checks import access, condition, devices, hardware, node, policy, publishing

HARDWARE = hardware.CHECKS
"""The checks of the machine; they are skipped for a simulated machine."""

_OF_NODE = (*node.CHECKS, *devices.CHECKS, *condition.CHECKS)

CHECKS = (*HARDWARE, *publishing.CHECKS, *access.CHECKS, *policy.CHECKS, *_OF_NODE)
"""All checks, in order from the GPU to the label."""
