"""What all tests beside the original need; a test module that lacks it is skipped, with the reason."""

from __future__ import annotations

import os
import subprocess

import pytest

ORIGINAL = os.environ.get("GFD_PEER", "")
"""The program of the original."""
SHARING = (
    "version: v1\nsharing:\n  {strategy}:\n    resources:\n    - {{name: nvidia.com/gpu, replicas: 4}}\n"
)
"""A config file that shares each GPU by four pods."""


def require_original() -> None:
    if not ORIGINAL:
        pytest.skip("GFD_PEER does not name the original gpu-feature-discovery", allow_module_level=True)


def require_mount_namespace() -> None:
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode:
        pytest.skip("this user may not create a mount namespace", allow_module_level=True)
