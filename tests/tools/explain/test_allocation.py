"""The explanations of labels that a node whose pods get GPUs by DRA does not have."""

from __future__ import annotations

import pytest

from gfd import cli
from tests.tools.explain.command import Explain

pytestmark = pytest.mark.whole

MACHINE = ("--simulate", "mig-doc", "--mig", "all-1g.5gb")
LEFT_OUT = ("mig.strategy", "mps.capable", "mig-1g.5gb.replicas", "mig-1g.5gb.sharing-strategy")
EXPECTED = """\
nvidia.com/mig.strategy: not written on the simulated machine mig-doc
  The MIG strategy in force: each MIG profile is a resource, in addition to full GPUs. With DRA, look at \
mig-<profile>.count instead: each profile that the node has is labelled.
  unit        name
  skipped     mixed.j2, line 9: nvidia.com/mig.strategy=mixed
              only with --allocation device-plugin
  skipped     single.j2, line 6: nvidia.com/mig.strategy=single
              only with --mig-strategy single
  made from   --mig-strategy = mixed (--allocation dra)
              --allocation = dra (command line)

nvidia.com/mps.capable: not written on the simulated machine mig-doc
  Whether pods share GPUs by MPS: if the configuration says so and no GPU is in MIG mode. With DRA, the \
claim of a pod asks for MPS instead, in a GpuConfig.
  unit        true or false
  skipped     _node.j2, line 67: nvidia.com/mps.capable={{ node.is_mps_capable | lower }}
              only with --allocation device-plugin
  made from   --config-file = not set (default)
              Gpu.is_mig_enabled = true of GPU 0, from nvmlDeviceGetMigMode
              --allocation = dra (command line)

nvidia.com/mig-1g.5gb.replicas: not written on the simulated machine mig-doc
  Pods that can share one GPU or MIG device; 0 for GPUs in MIG mode, which pods cannot request, and if the \
MIG layout is invalid. With DRA, look at count instead: a device goes to one claim.
  unit        pods
  skipped     _resources.j2, line 14: {{ key }}.replicas={{ resource.replicas }}
              only with --allocation device-plugin
  made from   --config-file = not set (default)
              Gpu.is_mig_enabled = true of GPU 0, from nvmlDeviceGetMigMode
              --allocation = dra (command line)

nvidia.com/mig-1g.5gb.sharing-strategy: not written on the simulated machine mig-doc
  How pods share a device: none, time-slicing or mps; empty if the MIG layout is invalid. With DRA, the \
claim of a pod says it instead, in a GpuConfig or MigDeviceConfig.
  unit        name
  skipped     _resources.j2, line 17: {{ key }}.sharing-strategy={{ resource.sharing_strategy }}
              only with --allocation device-plugin
  made from   --config-file = not set (default)
              Gpu.is_mig_enabled = true of GPU 0, from nvmlDeviceGetMigMode
              --allocation = dra (command line)
"""


def test_why_labels_are_left_out(explain: Explain) -> None:
    assert explain(*LEFT_OUT, *MACHINE, "--allocation", "dra") == (0, EXPECTED, "")


def test_each_label_that_is_left_out_says_what_to_use(
    explain: Explain, capsys: pytest.CaptureFixture[str]
) -> None:
    def keys(allocation: str) -> set[str]:
        command = ("--oneshot", "--sink", "stdout", "--mig-strategy", "mixed", "--allocation", allocation)
        assert cli.run((*command, *MACHINE), {}) == 0
        return {line.partition("=")[0] for line in capsys.readouterr().out.splitlines()}

    left_out = sorted(keys("device-plugin") - keys("dra"))
    assert {f"nvidia.com/{key}" for key in LEFT_OUT} < set(left_out)
    _, printed, _ = explain(*left_out, *MACHINE, "--allocation", "dra")
    explanations = printed.split("\n\n")
    assert len(explanations) == len(left_out)
    for each in explanations:
        assert "only with --allocation device-plugin" in each
        assert "instead" in each
