"""Read pods from a file, as several tests of match do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from gfd.errors import GfdError
from gfd.tools.match.manifests.objects import read_file
from gfd.tools.match.manifests.pods import Pod
from gfd.tools.match.workloads.reader import read_workloads

GPU = "nvidia.com/gpu"
SPEC = """\
nodeSelector: {zone: a}
containers:
- name: main
  image: none
  resources:
    limits: {nvidia.com/gpu: 2}
"""


def read_pods(paths: Iterable[str]) -> list[Pod]:
    """Return the pods of all files in order; ``-`` is standard input."""
    return [pod for each in read_workloads(map(read_file, paths)) for pod in each.pods]


def read(file: Path, text: str) -> list[Pod]:
    """Write ``text`` to ``file`` and return its pods."""
    file.write_text(text)
    return read_pods([str(file)])


def refusal(file: Path, text: str) -> str:
    """Return the error about ``text``, with FILE for the name of the file."""
    with pytest.raises(GfdError) as refused:
        read(file, text)
    return str(refused.value).replace(str(file), "FILE")
