"""The catalog has every label that gfd can write, and docs/labels.md is current."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gfd import cli
from gfd.config.options import EXTRA_LABELS
from gfd.labels import template_files
from gfd.labels.resources import resolve
from gfd.labels.strategies import STRATEGIES
from gfd.labels.templates import Templates
from gfd.simulation import machines
from gfd.tools.explain.catalog import LabelCatalog, complete_key, describe_configuration, explain_line
from gfd.tools.explain.explanation import Explanation, LabelFact, LabelOrigin, TemplateInfo
from tests.test_golden import SHARING, layouts, sharing
from tests.test_golden import read as read_machine
from tests.test_packaging import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PAGE = ROOT / "docs/labels.md"
TEMPLATES = Templates()
CATALOG = LabelCatalog(TEMPLATES)


def test_the_page_is_current(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(("explain", "--catalog", "-o", "markdown"), {}) == 0
    page = capsys.readouterr().out
    if request.config.getoption("--update-golden"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page


@pytest.mark.parametrize("machine", machines.list_names())
def test_each_label_is_found_with_the_line_that_wrote_it(machine: str) -> None:
    for layout in layouts(machine):
        inventory = read_machine(machine, layout)
        for strategy in STRATEGIES:
            for kind in SHARING:
                if kind == "mps" and layout != "all-disabled":
                    continue
                node = resolve(
                    inventory, mig_strategy=strategy, sharing=sharing(kind, inventory), timestamp=1
                )
                for written in TEMPLATES.render_with_origins(node, inventory, EXTRA_LABELS):
                    places = [(line.template, line.number) for line in CATALOG.find(written.key)]
                    assert (written.template, written.line) in places, written


def test_the_prefix_of_a_key_is_optional() -> None:
    assert complete_key("gpu.count") == complete_key("nvidia.com/gpu.count") == "nvidia.com/gpu.count"
    assert complete_key("example.com/x") == "example.com/x"


@pytest.mark.parametrize(
    ("key", "patterns"),
    [
        ("nvidia.com/gpu.count", ["<resource>.count"]),
        ("nvidia.com/mig-1g.5gb.count", ["<resource>.count"]),
        ("nvidia.com/mig-<profile>.count", ["<resource>.count"]),
        ("nvidia.com/<resource>.count", ["<resource>.count"]),
        ("nvidia.com/gpu.count.full", ["gpu.count.full"]),
        ("nvidia.com/gpu.count.Tesla-T4", ["gpu.count.<product>"]),
        ("nvidia.com/gpu.model.memory", ["gpu.model.memory"]),
        ("nvidia.com/gpu.engines.copy", ["<resource>.engines.copy", "<resource>.engines.copy"]),
        ("nvidia.com/mig.strategy", ["mig.strategy", "mig.strategy"]),
        ("nvidia.com/tpu.count", []),
        ("example.com/gpu.count", []),
    ],
)
def test_a_key_is_found_by_its_pattern(key: str, patterns: list[str]) -> None:
    assert [line.pattern.removeprefix("nvidia.com/") for line in CATALOG.find(key)] == patterns


@pytest.mark.parametrize(
    ("key", "owner", "nearest"),
    [
        ("nvidia.com/gpu.produt", "", "nvidia.com/gpu.product"),
        ("nvidia.com/GPU.MEMORY", "", "nvidia.com/gpu.memory"),
        ("nvidia.com/xyzzy", "", ""),
        ("nvidia.com/gpu.present", "NVIDIA's GPU operator", "nvidia.com/vgpu.present"),
        ("nvidia.com/vgpu.config.state", "NVIDIA's GPU operator", ""),
        ("nvidia.com/cc.mode.state", "NVIDIA's GPU operator", ""),
        (
            "nvidia.com/device-plugin.config",
            "NVIDIA's device plugin: it selects the plugin's configuration for this node",
            "",
        ),
        (
            "nvidia.com/mig-1c.3g.20gb.me.shared",
            "NVIDIA's device plugin: a resource that pods request, not a label",
            "",
        ),
        ("feature.node.kubernetes.io/pci-10de.present", "Node Feature Discovery", ""),
        ("intel.feature.node.kubernetes.io/sgx", "Node Feature Discovery", ""),
        ("node.kubernetes.io/instance-type", "Kubernetes", ""),
        ("kubernetes.io/arch", "Kubernetes", ""),
    ],
)
def test_a_key_that_is_never_written(key: str, owner: str, nearest: str) -> None:
    assert CATALOG.find(key) == ()
    found = CATALOG.explain_unknown(key)
    assert (found.key, found.owner) == (key, owner)
    if nearest or not owner:
        assert found.nearest == nearest


def test_keys_of_the_machine_are_suggested() -> None:
    assert CATALOG.explain_unknown(
        "nvidia.com/mig-1g.5gb.prodct", ["nvidia.com/mig-1g.5gb.product"]
    ).nearest == ("nvidia.com/mig-1g.5gb.product")


def test_which_configuration_renders_a_template() -> None:
    assert describe_configuration(frozenset(f"{name}.j2" for name in STRATEGIES)) == ""
    assert (
        describe_configuration(frozenset({"mixed.j2", "single.j2"})) == "with --mig-strategy single or mixed"
    )
    assert describe_configuration(frozenset({"extra/counts.j2"})) == "with --extra-labels counts"
    assert describe_configuration(frozenset({"mine.j2"})) == ""


def test_labels_of_own_templates(tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text(
        "{# Ours. #}\n{## [a|b] Rack\x1b[2J. #}\nexample.com/rack={{ node.mode }}\n"
    )
    catalog = LabelCatalog(Templates(template_files.read(tmp_path)))
    (line,) = catalog.find("example.com/rack")
    assert explain_line(line) == Explanation(
        key="example.com/rack",
        unit="a|b",
        meaning="Rack\x1b[2J.",
        places=(LabelOrigin(template="mine.j2", line=3, source="example.com/rack={{ node.mode }}"),),
        parts=(
            LabelFact(
                name="Gpu.pci_class",
                unit="hexadecimal",
                sources=("/sys/bus/pci/devices/<address>/class", "nvmlDeviceGetPciInfo"),
            ),
        ),
    )
    assert catalog.list_templates()[-1] == TemplateInfo(name="mine.j2", introduction="Ours.")
    (tmp_path / "mine.j2").write_text("example.com/rack=1\n")
    catalog = LabelCatalog(Templates(template_files.read(tmp_path)))
    assert catalog.list_templates()[-1] == TemplateInfo(name="mine.j2", introduction="")
