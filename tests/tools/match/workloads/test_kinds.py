"""The pods of real kinds, read from small manifests of our own: numbers, gangs, requests and lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gfd.tools.match.pods import Pod
from gfd.tools.match.reader import read_pods
from gfd.tools.match.tolerations import add_default_tolerations
from tests.tools import goldens

MANIFESTS = Path(__file__).parent / "manifests"
KINDS = sorted(path.stem for path in MANIFESTS.glob("*.yaml"))


def describe(pod: Pod) -> Iterator[str]:
    """Yield the lines of the golden file about a pod."""
    spec = pod.spec
    yield f"{pod.line}: {pod.title}\n"
    amounts = ", ".join(f"{count} {name} (line {spec.lines[name]})" for name, count in spec.requests.items())
    yield f"    {pod.copies} pods with {amounts or 'no requests'}\n"
    if pod.gang:
        yield f"    gang {pod.gang}, minimum {pod.minimum}\n"
    if pod.is_alone:
        yield "    alone\n"
    yield from (f"    {each} (line {each.line})\n" for each in spec.requirements())
    added = add_default_tolerations(())
    yield from (f"    tolerates {each.key}\n" for each in spec.tolerations if each not in added)
    yield from (f"    label {key}={value}\n" for key, value in pod.labels.items())
    yield from (f"    unjudged {text}\n" for text in spec.unjudged)
    yield from (f"    note {text}\n" for text in pod.notes)


@pytest.mark.parametrize("kind", KINDS)
def test_kinds(request: pytest.FixtureRequest, kind: str) -> None:
    pods = read_pods([str(MANIFESTS / f"{kind}.yaml")])
    goldens.check(request, f"match-kinds/{kind}", "".join(line for pod in pods for line in describe(pod)))
