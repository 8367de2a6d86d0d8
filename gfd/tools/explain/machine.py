"""The labels of a machine, explained: done where the labels are made, in a child under the same limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.config.options import COMMAND_LINE
from gfd.inventory.model import Gpu, MigDevice
from gfd.labels import limits
from gfd.tools.explain.catalogue import Catalogue, configured_by, describe, facts_of, place
from gfd.tools.explain.dry_run import Rehearsal, rehearse
from gfd.tools.explain.explanation import HEXADECIMAL, NONE, Answer, Explanation, Member, Part, Place, Reading
from gfd.tools.explain.facts import Fact, expand, follow
from gfd.worker import discovery
from gfd.worker.pipeline import compile_templates, resolve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from gfd.inventory.model import FactFailure, Inventory
    from gfd.inventory.progress import Progress
    from gfd.labels.rendered_label import RenderedLabel
    from gfd.labels.resources import NodeFacts
    from gfd.labels.templates import Templates
    from gfd.tools.explain.dry_run import Binding
    from gfd.tools.explain.facts import Device, Path
    from gfd.tools.explain.lines import Line
    from gfd.worker.request import Request


def explain(
    request: Request,
    keys: Sequence[str],
    options: Mapping[str, tuple[str, str]],
    seen_on: str,
    progress: Progress,
) -> Answer:
    """Read, label, and explain ``keys``, or all labels.

    ``options`` are values and where they come from, by flag. Raises GfdError.
    """
    # Also what only labels of other groups would be made from: "none" is not to mean "not asked".
    inventory = discovery.read(request.config, request.inventory, progress, is_complete=True).inventory
    node = resolve(request, inventory)
    limits.impose()
    templates = compile_templates(request, progress)
    labels = {
        each.key: each
        for each in templates.render_with_origins(node, inventory, request.config.extra_labels, progress)
    }
    progress("explaining")
    machine = _Machine(templates, request, node, inventory, options)
    explanations = (machine.explain(key, labels) for key in keys or sorted(labels))
    return Answer(
        explanations=tuple(each._replace(seen_on=seen_on) for each in explanations),
        warnings=tuple(str(gpu) for gpu in node.failed),
    )


class _Machine:
    """A machine and its labels."""

    def __init__(
        self,
        templates: Templates,
        request: Request,
        node: NodeFacts,
        inventory: Inventory,
        options: Mapping[str, tuple[str, str]],
    ) -> None:
        self._templates = templates
        self._catalogue = Catalogue(templates)
        self._rendered = set(templates.list_names(node.mig_strategy, request.config.extra_labels))
        self._roots: dict[str, Any] = {"node": node, "inventory": inventory}
        self._node, self._inventory = node, inventory
        self._options = options
        # Two MIG devices of which nothing is known are equal, so it is the object that counts.
        self._parents = {id(mig): gpu for gpu in inventory.gpus for mig in gpu.mig_devices or ()}

    def explain(self, key: str, labels: Mapping[str, RenderedLabel]) -> Explanation:
        written = labels.get(key)
        if written is not None:
            return self._explain_written(written)
        lines = self._catalogue.find(key)
        return self._explain_missing(key, lines) if lines else self._catalogue.refuse(key, labels)

    def _explain_written(self, written: RenderedLabel) -> Explanation:
        place = Place(template=written.template, line=written.line, source="")
        known = Explanation(key=written.key, value=written.value, places=(place,))
        for line in self._catalogue.lines:
            if (line.template, line.number) == (written.template, written.line):
                binding = self._rehearse(line).bindings.get(written.key)
                if binding is not None:
                    return self._explain_bound(known, line, binding)
        return known  # by something that only rendering understands

    def _explain_bound(self, known: Explanation, line: Line, binding: Binding) -> Explanation:
        is_mig = any(getattr(each, "mig_devices", ()) for each in binding.objects.values())
        facts = facts_of(line, (is_mig,))
        found = self._devices(line, binding, facts)
        return describe(line)._replace(
            key=known.key,
            value=known.value,
            parts=tuple(self._part(fact, binding.objects) for fact in facts),
            members=tuple(self._member(device) for device in found),
        )

    def _explain_missing(self, key: str, lines: Sequence[Line]) -> Explanation:
        # The line that would have written it, had the node been another, comes first.
        lines = sorted(lines, key=lambda line: not line.roots & self._rendered)
        facts: dict[str, Fact] = {}
        places = []
        for line in lines:
            reason, asked = self._find_reason(line)
            places.append(place(line, reason))
            facts |= {fact.name: fact for fact in (*facts_of(line, line.is_mig), *asked)}
        return describe(lines[0])._replace(
            key=key,
            places=tuple(places),
            parts=tuple(self._part(fact, {}) for fact in facts.values()),
        )

    def _find_reason(self, line: Line) -> tuple[str, Iterable[Fact]]:
        """Return why a line did not write the label, and the facts that this was decided by."""
        if not line.roots & self._rendered:
            return f"only {configured_by(line.roots)}", ()
        rehearsal = self._rehearse(line)
        if rehearsal.depth < len(line.blocks):
            block = line.blocks[rehearsal.depth]
            asked = (
                fact for path in block.paths for kind in line.is_mig for fact in expand(path, is_mig=kind)
            )
            return f"only {block.words}", (fact for fact in asked if fact.sources or not fact.path)
        return f"this node has {' and '.join(sorted(rehearsal.bindings))}", ()

    def _rehearse(self, line: Line) -> Rehearsal:
        return rehearse(self._templates, line, self._roots)

    def _follow(self, fact: Fact, bound: Mapping[Path, Any]) -> Iterator[tuple[Device | None, Any]]:
        return follow(self._roots, fact.path, bound) if fact.path else iter(())

    def _part(self, fact: Fact, bound: Mapping[Path, Any]) -> Part:
        if not fact.path:
            value, origin = self._options[fact.name]
            source = COMMAND_LINE if origin == fact.name else origin
            return Part(name=fact.name, sources=(source,), readings=(Reading(value=value or "not set"),))
        readings: dict[str, list[str]] = {}
        for device, value in self._follow(fact, bound):
            devices = readings.setdefault(_show(value, fact.unit), [])
            devices += [self._member(device).name] if device is not None else []
        return Part(
            name=fact.name,
            unit=fact.unit,
            sources=self._sources(fact),
            readings=tuple(Reading(value=value, devices=tuple(found)) for value, found in readings.items())
            or (Reading(value=NONE),),
            failures=tuple(str(failure.to_error()) for failure in self._failures(fact)),
        )

    def _sources(self, fact: Fact) -> tuple[str, ...]:
        return tuple(
            f"{self._options[each][0]} ({each})" if each in self._options else each for each in fact.sources
        )

    def _failures(self, fact: Fact) -> Iterator[FactFailure]:
        owner, _, name = fact.name.partition(".")
        gpus = self._inventory.gpus
        failures = {
            "Inventory": self._inventory.failures,
            "Gpu": [failure for gpu in gpus for failure in gpu.failures],
            "MigDevice": [
                failure for gpu in gpus for mig in gpu.mig_devices or () for failure in mig.failures
            ],
            "FailedGpu": [],
        }[owner]
        for failure in failures:
            if failure.fact.partition(".")[0] == name.partition(".")[0] or failure.source in fact.sources:
                yield failure
        for gpu in self._node.failed if owner == "FailedGpu" else self._inventory.failed_gpus:
            if owner == "FailedGpu" or gpu.failure.source in fact.sources:
                yield gpu.failure

    def _devices(self, line: Line, binding: Binding, facts: Iterable[Fact]) -> Iterable[Device]:
        """Return the devices that a label stands for, each once.

        Those that its value selects; or those that the object of its loop consists of, or is found on; or
        those that its facts are of.
        """
        if line.selections:
            return binding.devices
        found: list[Device | None] = []
        for path, each in binding.objects.items():
            own = getattr(each, "mig_devices", ()) or getattr(each, "gpus", ())
            found += own or [device for device, _ in follow(self._roots, path, {path: each})]
        if not binding.objects:
            found = [device for fact in facts for device, _ in self._follow(fact, {})]
        return {id(device): device for device in found if device is not None}.values()

    def _member(self, device: Device) -> Member:
        if isinstance(device, MigDevice):
            gpu = self._parents[id(device)]
            return Member(
                gpu=gpu.index,
                pci_address=gpu.pci_address,
                mig=device.index,
                gi=device.gi_id,
                ci=device.ci_id,
                uuid=device.uuid,
            )
        if isinstance(device, Gpu):
            return Member(gpu=device.index, pci_address=device.pci_address, uuid=device.uuid)
        return Member(gpu=device.index)


def _show(value: Any, unit: str) -> str:
    """Return a raw value as text, as its field and unit suggest."""
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if unit == HEXADECIMAL and isinstance(value, int):
        return f"0x{value:04x}"
    if hasattr(value, "_fields"):
        return ", ".join(f"{name} {each}" for name, each in zip(value._fields, value, strict=True))
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    return str(value)
