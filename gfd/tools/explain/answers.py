"""From what somebody asks about labels to the explanations: of a machine, a Node, or no machine at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, DriverUnavailable, GfdError
from gfd.inventory import snapshot
from gfd.labels import limits
from gfd.labels.templates import Templates
from gfd.tools.explain.catalogue import Catalogue, describe, full_key
from gfd.tools.explain.explanation import Answer
from gfd.worker import child_process
from gfd.worker.request import build_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from gfd.config.model import LoadedConfig
    from gfd.inventory.progress import Progress
    from gfd.tools.explain.explanation import Explanation
    from gfd.worker.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked."""

    keys: tuple[str, ...] = ()
    """As they are typed; none for all labels."""
    is_catalogue: bool = False
    node: str | None = None
    nodes_file: Path | None = None
    inventory_file: Path | None = None
    page: str = "table"
    """How to print the answer."""


def find(loaded: LoadedConfig, question: Question) -> Answer:
    """Return the answer to a question. Raises GfdError."""
    _check(loaded, question)
    try:
        return _work(loaded, _plan(loaded, question))
    except DriverUnavailable as error:
        if question.keys:
            answer = _work(loaded, _plan(loaded, replace(question, is_catalogue=True)))
            if not any(explanation.is_known for explanation in answer.explanations):
                return answer  # whose they are takes no machine
        hint = "Labels of other machines are explained with --simulate or --node, all of them with --catalog"
        raise DriverUnavailable(f"{error}. {hint}") from error


def _work(loaded: LoadedConfig, work: Callable[[Progress], Answer]) -> Answer:
    # Templates of somebody's own are at work here too: in a child, and under its limits.
    plain = child_process.run(
        lambda progress: snapshot.to_plain(work(progress)), loaded.config.probe_timeout_s
    )
    answer = snapshot.from_plain(Answer, plain, "the answer")
    assert isinstance(answer, Answer)
    return answer


def refuse(answer: Answer) -> None:
    """Raise GfdError where there are keys that gfd never writes."""
    refusals = [
        f"{explanation.key}{_hint(explanation)}"
        for explanation in answer.explanations
        if not explanation.is_known
    ]
    if refusals:
        raise GfdError(f"none of gfd's labels: {', '.join(refusals)}")


def _hint(explanation: Explanation) -> str:
    owner, near = explanation.owner, explanation.nearest
    if not owner:
        return f" (did you mean {near}?)" if near else ""
    return f" (it belongs to {owner}{f'; the nearest key of gfd is {near}' if near else ''})"


def _check(loaded: LoadedConfig, question: Question) -> None:
    """Refuse options that contradict each other. Raises ConfigError."""
    given = {
        "--catalog": question.is_catalogue,
        "--node": question.node,
        "--inventory": question.inventory_file,
        # Whoever simulates by the environment may still look things up.
        "--simulate": None if question.is_catalogue else loaded.config.simulate,
    }
    asked = [flag for flag, value in given.items() if value]
    if len(asked) > 1:
        raise ConfigError(asked[0], COMMAND_LINE, f"goes without {asked[1]}; choose one")
    if question.nodes_file is not None and question.node is None:
        raise ConfigError("--nodes", COMMAND_LINE, "needs --node, the Node in it to explain")
    if question.page == "markdown" and not question.is_catalogue:
        raise ConfigError("--format", COMMAND_LINE, "markdown needs --catalog; there are table and json")


def _plan(loaded: LoadedConfig, question: Question) -> Callable[[Progress], Answer]:
    """Return what is to be done for an answer, after all that needs no child."""
    config, path = loaded.config, question.inventory_file
    keys = tuple(map(full_key, question.keys))
    request = build_request(config, inventory=snapshot.read_file(path) if path else None)
    if question.is_catalogue:
        return lambda progress: _look_up(request, keys, progress)
    if question.node is not None:
        from gfd.tools.explain import published

        name, metadata = question.node, published.read(loaded, question.node, question.nodes_file)
        return lambda progress: Answer(
            explanations=published.explain(_list(request, progress), name, metadata, keys)
        )
    from gfd.tools.explain.machine import explain

    seen_on = f"the simulated machine {config.simulate}" if config.simulate else "this machine"
    if path is not None:
        seen_on = "a snapshot" if str(path) == "-" else f"the snapshot {path}"
    options = {setting.option.flag: (setting.text, setting.origin) for setting in loaded.options}
    return lambda progress: explain(request, keys, options, seen_on, progress)


def _list(request: Request, progress: Progress) -> Catalogue:
    limits.impose()
    progress("reading templates")
    return Catalogue(Templates(request.templates, request.config.label_prefix_allow))


def _look_up(request: Request, keys: Iterable[str], progress: Progress) -> Answer:
    catalogue = _list(request, progress)
    if not keys:
        return Answer(explanations=catalogue.explain(), templates=catalogue.templates())
    found: list[Explanation] = []
    for key in keys:
        found += [describe(line) for line in catalogue.find(key)] or [catalogue.refuse(key)]
    return Answer(explanations=tuple(found))
