"""Explain the labels of a machine. This runs in a child process under limits, like rendering."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.config.options import COMMAND_LINE
from gfd.inventory.model import Gpu, MigDevice
from gfd.labels import limits
from gfd.tools.explain.catalog import (
    LabelCatalog,
    describe_configuration,
    explain_line,
    list_line_facts,
    make_origin,
)
from gfd.tools.explain.dry_run import LineRun, run_line
from gfd.tools.explain.explanation import (
    HEXADECIMAL,
    NONE,
    Explanation,
    FactValue,
    LabelAnswer,
    LabelDevice,
    LabelFact,
    LabelOrigin,
)
from gfd.tools.explain.facts import CUDA_MEMORY, PCI_IDS, Fact, follow, list_facts
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
    from gfd.tools.explain.facts import Device, FieldPath
    from gfd.tools.explain.label_lines import LabelLine
    from gfd.worker.request import Request


def explain(
    request: Request,
    keys: Sequence[str],
    options: Mapping[str, tuple[str, str]],
    seen_on: str,
    progress: Progress,
) -> LabelAnswer:
    """Read the hardware, make the labels, and explain ``keys``, or all labels if ``keys`` is empty.

    ``options`` maps a flag to its value and origin. Raises GfdError.
    """
    # Read all facts, also those of other label groups, so that "none" never means "not read".
    inventory = discovery.read(request.config, request.inventory, progress, is_complete=True).inventory
    node = resolve(request, inventory)
    limits.impose()
    templates = compile_templates(request, progress)
    labels = {
        each.key: each
        for each in templates.render_with_origins(node, inventory, request.config.extra_labels, progress)
    }
    progress("explaining")
    machine = _MachineExplainer(templates, request, node, inventory, options)
    explanations = (machine.explain(key, labels) for key in keys or sorted(labels))
    return LabelAnswer(
        explanations=tuple(each._replace(seen_on=seen_on) for each in explanations),
        warnings=tuple(str(gpu) for gpu in node.failed),
    )


_MEMORY = "Gpu.memory_bytes"


class _MachineExplainer:
    """Explains the labels of one machine."""

    def __init__(
        self,
        templates: Templates,
        request: Request,
        node: NodeFacts,
        inventory: Inventory,
        options: Mapping[str, tuple[str, str]],
    ) -> None:
        self._templates = templates
        self._catalog = LabelCatalog(templates)
        self._rendered = set(templates.list_names(node.mig_strategy, request.config.extra_labels))
        self._roots: dict[str, Any] = {"node": node, "inventory": inventory}
        self._node, self._inventory = node, inventory
        self._options = options
        self._needs_unified_memory = not request.config.unified_memory and any(
            gpu.is_memory_unified and gpu.memory_bytes is None for gpu in inventory.gpus
        )
        # Two unknown MIG devices are equal, so compare objects by identity.
        self._parents = {id(mig): gpu for gpu in inventory.gpus for mig in gpu.mig_devices or ()}

    def explain(self, key: str, labels: Mapping[str, RenderedLabel]) -> Explanation:
        label = labels.get(key)
        if label is not None:
            return self._explain_written(label)
        lines = self._catalog.find(key)
        return self._explain_missing(key, lines) if lines else self._catalog.explain_unknown(key, labels)

    def _explain_written(self, label: RenderedLabel) -> Explanation:
        origin = LabelOrigin(template=label.template, line=label.line, source="")
        known = Explanation(key=label.key, value=label.value, places=(origin,))
        for line in self._catalog.lines:
            if (line.template, line.number) == (label.template, label.line):
                binding = self._run_line(line).bindings.get(label.key)
                if binding is not None:
                    return self._explain_binding(known, line, binding)
        return known  # the line is too complex to analyse

    def _explain_binding(self, known: Explanation, line: LabelLine, binding: Binding) -> Explanation:
        is_mig = any(getattr(each, "mig_devices", ()) for each in binding.objects.values())
        facts = list_line_facts(line, (is_mig,), discovery=self._inventory.discovery)
        found = self._find_devices(line, binding, facts)
        return explain_line(line)._replace(
            key=known.key,
            value=known.value,
            parts=tuple(self._make_label_fact(fact, binding.objects) for fact in facts),
            members=tuple(self._make_label_device(device) for device in found),
        )

    def _explain_missing(self, key: str, lines: Sequence[LabelLine]) -> Explanation:
        # Lines of templates that this configuration renders come first.
        lines = sorted(lines, key=lambda line: not line.roots & self._rendered)
        facts: dict[str, Fact] = {}
        places = []
        for line in lines:
            reason, tested = self._find_reason(line)
            places.append(make_origin(line, reason))
            found = list_line_facts(line, line.is_mig, discovery=self._inventory.discovery)
            facts |= {fact.name: fact for fact in (*found, *tested)}
        return explain_line(lines[0])._replace(
            key=key,
            places=tuple(places),
            parts=tuple(self._make_label_fact(fact, {}) for fact in facts.values()),
        )

    def _find_reason(self, line: LabelLine) -> tuple[str, Iterable[Fact]]:
        """Return why a line did not write the label, and the facts in that condition."""
        if not line.roots & self._rendered:
            return f"only {describe_configuration(line.roots)}", ()
        run = self._run_line(line)
        if run.depth < len(line.blocks):
            block = line.blocks[run.depth]
            tested = (
                fact
                for path in block.paths
                for kind in line.is_mig
                for fact in list_facts(path, is_mig=kind, discovery=self._inventory.discovery)
            )
            reason = f"only {block.condition}"
            found = tuple(fact for fact in tested if fact.sources or not fact.path)
            if self._needs_unified_memory and any(fact.name == _MEMORY for fact in found):
                reason += "; with --unified-memory, CUDA reports that of GPUs that use the memory of the CPU"
            return reason, found
        return f"on this node it writes {' and '.join(sorted(run.bindings))}", ()

    def _run_line(self, line: LabelLine) -> LineRun:
        return run_line(self._templates, line, self._roots)

    def _follow(self, fact: Fact, bound: Mapping[FieldPath, Any]) -> Iterator[tuple[Device | None, Any]]:
        return follow(self._roots, fact.path, bound) if fact.path else iter(())

    def _make_label_fact(self, fact: Fact, bound: Mapping[FieldPath, Any]) -> LabelFact:
        if not fact.path:
            value, origin = self._options[fact.name]
            source = COMMAND_LINE if origin == fact.name else origin
            return LabelFact(
                name=fact.name, sources=(source,), readings=(FactValue(value=value or "not set"),)
            )
        readings: dict[str, list[str]] = {}
        for device, value in self._follow(fact, bound):
            devices = readings.setdefault(_format_value(value, fact.unit), [])
            devices += [self._make_label_device(device).name] if device is not None else []
        return LabelFact(
            name=fact.name,
            unit=fact.unit,
            sources=self._name_sources(fact),
            readings=tuple(FactValue(value=value, devices=tuple(found)) for value, found in readings.items())
            or (FactValue(value=NONE),),
            failures=tuple(str(failure.to_error()) for failure in self._find_failures(fact)),
        )

    def _name_sources(self, fact: Fact) -> tuple[str, ...]:
        """Return the sources of a fact, with the files that options name, and the list that has the names."""
        found: list[str] = []
        sources = fact.sources
        if fact.name == _MEMORY:
            are_from_cuda = {_has_cuda_memory(gpu) for gpu in self._inventory.gpus}
            kept = sources if False in are_from_cuda else ()
            sources = tuple(dict.fromkeys((*kept, CUDA_MEMORY))) if True in are_from_cuda else sources
        for source in sources:
            if source == PCI_IDS:
                found += dict.fromkeys(gpu.name_source for gpu in self._inventory.gpus if gpu.name_source)
            else:
                option = self._options.get(source)
                found.append(f"{option[0]} ({source})" if option else source)
        return tuple(found)

    def _find_failures(self, fact: Fact) -> Iterator[FactFailure]:
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

    def _find_devices(self, line: LabelLine, binding: Binding, facts: Iterable[Fact]) -> Iterable[Device]:
        """Return the devices that a label describes, each once.

        These are the devices in its value; otherwise the devices of its loop's object; otherwise those of its
        facts.
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

    def _make_label_device(self, device: Device) -> LabelDevice:
        if isinstance(device, MigDevice):
            gpu = self._parents[id(device)]
            return LabelDevice(
                gpu=gpu.index,
                pci_address=gpu.pci_address,
                mig=device.index,
                gi=device.gi_id,
                ci=device.ci_id,
                uuid=device.uuid,
            )
        if isinstance(device, Gpu):
            return LabelDevice(gpu=device.index, pci_address=device.pci_address, uuid=device.uuid)
        return LabelDevice(gpu=device.index)


def _has_cuda_memory(gpu: Gpu) -> bool:
    """Return whether the memory of a GPU comes from CUDA, because the GPU uses the memory of the CPU."""
    return gpu.is_memory_unified and gpu.memory_bytes is not None


def _format_value(value: Any, unit: str) -> str:
    """Format a raw value by its type and unit."""
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
