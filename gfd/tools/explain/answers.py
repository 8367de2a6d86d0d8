"""Answer a question about labels for this machine, a snapshot, a Node, or from the catalog alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, DriverUnavailable, GfdError
from gfd.inventory import snapshot
from gfd.labels import limits
from gfd.labels.templates import Templates
from gfd.tools.explain.catalog import LabelCatalog, complete_key, explain_line
from gfd.tools.explain.explanation import LabelAnswer
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
    """The labels to explain, and the machine, Node or catalog to explain them for."""

    keys: tuple[str, ...] = ()
    """The keys, as the user typed them; empty for all labels."""
    is_catalog: bool = False
    node: str | None = None
    nodes_file: Path | None = None
    inventory_file: Path | None = None
    output_format: str = "table"
    """The output format."""


def answer(loaded: LoadedConfig, question: Question) -> LabelAnswer:
    """Answer a question. Raises GfdError."""
    _check_arguments(loaded, question)
    try:
        return _run_in_child(loaded, _choose_work(loaded, question))
    except DriverUnavailable as error:
        if question.keys:
            found = _run_in_child(loaded, _choose_work(loaded, replace(question, is_catalog=True)))
            if not any(explanation.is_known for explanation in found.explanations):
                return found  # the owners of unknown keys are known without a machine
        hint = "use --node or --simulate for another machine, or --catalog for all labels"
        raise DriverUnavailable(f"{error}; {hint}") from error


def _run_in_child(loaded: LoadedConfig, work: Callable[[Progress], LabelAnswer]) -> LabelAnswer:
    # The operator's templates run here, too, so they need the limits of a child process.
    plain = child_process.run(
        lambda progress: snapshot.to_plain(work(progress)), loaded.config.probe_timeout_s
    )
    answer = snapshot.from_plain(LabelAnswer, plain, "the answer")
    assert isinstance(answer, LabelAnswer)
    return answer


def reject_unknown_keys(answer: LabelAnswer) -> None:
    """Raise GfdError if the answer has keys that gfd never writes."""
    unknown = [
        f"{explanation.key}{_describe_unknown(explanation)}"
        for explanation in answer.explanations
        if not explanation.is_known
    ]
    if unknown:
        raise GfdError(f"gfd does not write {', '.join(unknown)}")


def _describe_unknown(explanation: Explanation) -> str:
    owner, near = explanation.owner, explanation.nearest
    if not owner:
        return f" (did you mean {near}?)" if near else ""
    return f" (it belongs to {owner}{f'; the most similar key of gfd is {near}' if near else ''})"


def _check_arguments(loaded: LoadedConfig, question: Question) -> None:
    """Raise ConfigError for options that contradict each other."""
    given = {
        "--catalog": question.is_catalog,
        "--node": question.node,
        "--inventory": question.inventory_file,
        # The environment may set --simulate; --catalog must still work.
        "--simulate": None if question.is_catalog else loaded.config.simulate,
    }
    used = [flag for flag, value in given.items() if value]
    if len(used) > 1:
        raise ConfigError(used[0], COMMAND_LINE, f"conflicts with {used[1]}; choose one")
    if question.nodes_file is not None and question.node is None:
        raise ConfigError("--nodes", COMMAND_LINE, "needs --node NAME, the node to explain")
    if question.output_format == "markdown" and not question.is_catalog:
        raise ConfigError("--format", COMMAND_LINE, "markdown needs --catalog; or choose table or json")


def _choose_work(loaded: LoadedConfig, question: Question) -> Callable[[Progress], LabelAnswer]:
    """Do the part that needs no child process; return the function for the child to run."""
    config, path = loaded.config, question.inventory_file
    keys = tuple(map(complete_key, question.keys))
    request = build_request(config, inventory=snapshot.read_file(path) if path else None)
    if question.is_catalog:
        return lambda progress: _explain_catalog(request, keys, progress)
    if question.node is not None:
        from gfd.tools.explain import node_labels

        name, metadata = question.node, node_labels.read(loaded, question.node, question.nodes_file)
        return lambda progress: LabelAnswer(
            explanations=node_labels.explain(_load_catalog(request, progress), name, metadata, keys)
        )
    from gfd.tools.explain.machine_labels import explain

    seen_on = f"the simulated machine {config.simulate}" if config.simulate else "this machine"
    if path is not None:
        seen_on = "a snapshot" if str(path) == "-" else f"the snapshot {path}"
    options = {each.option.flag: (each.text, each.origin) for each in loaded.options}
    return lambda progress: explain(request, keys, options, seen_on, progress)


def _load_catalog(request: Request, progress: Progress) -> LabelCatalog:
    limits.impose()
    progress("reading templates")
    return LabelCatalog(Templates(request.templates, request.config.label_prefix_allow))


def _explain_catalog(request: Request, keys: Iterable[str], progress: Progress) -> LabelAnswer:
    catalog = _load_catalog(request, progress)
    if not keys:
        return LabelAnswer(explanations=catalog.explain(), templates=catalog.list_templates())
    found: list[Explanation] = []
    for key in keys:
        found += [explain_line(line) for line in catalog.find(key)] or [catalog.explain_unknown(key)]
    return LabelAnswer(explanations=tuple(found))
