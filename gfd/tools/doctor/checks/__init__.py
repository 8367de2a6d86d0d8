"""What a doctor asks: one small function a question. A new one is a function and an entry in its module."""

from __future__ import annotations

from gfd.tools.doctor.checks import access, hardware, node, policy, publishing

HARDWARE = hardware.CHECKS
"""About the machine; a simulated one has no such thing."""

CHECKS = (*HARDWARE, *publishing.CHECKS, *access.CHECKS, *policy.CHECKS, *node.CHECKS)
"""From the GPU to the label."""
