"""Explain a conflict with another program that writes the same labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gfd.publishing.drift import Drift


def explain_conflict(drift: Drift) -> str:
    """Return a sentence: who keeps changing which labels, and the next step."""
    if drift.sink == "file":
        return (
            "another program keeps changing or deleting this file; only one may write it: stop the other, "
            "such as NVIDIA's gpu-feature-discovery, or give gfd another --output-file"
        )
    what = f"the labels {', '.join(drift.keys)}" if drift.keys else f"the {drift.what}"
    return (
        f"another gfd ({drift.writer}) keeps changing {what}; only one may run on a node: "
        "kubectl get daemonsets,jobs -A -l app.kubernetes.io/name=gfd lists them"
    )
