"""Lines that write labels, in gfd's own templates and in others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gfd.errors import TemplateError
from gfd.labels import template_files
from gfd.labels.resources import resolve
from gfd.labels.template_engine import BUILT_IN
from gfd.labels.templates import Templates
from gfd.tools.explain.dry_run import run_line
from gfd.tools.explain.label_lines import LabelLine, read_lines
from tests.make import gpu, inventory, mig_gpu

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = inventory(gpu(0), mig_gpu(1))
NODE = resolve(INVENTORY, mig_strategy="mixed")
ROOTS = {"node": NODE, "inventory": INVENTORY}


def lines(folder: Path, text: str, **others: str) -> list[LabelLine]:
    """Return the lines of an own template."""
    for name, content in {"mine": text, **others}.items():
        (folder / f"{name}.j2").write_text(content)
    return [line for line in read_lines(Templates(template_files.read(folder))) if "mine.j2" in line.roots]


def test_every_line_and_block_of_gfd_is_described() -> None:
    found = read_lines(Templates())
    assert len(found) > 50
    for line in found:
        assert line.unit, line
        assert line.meaning.endswith((".", "…")), line
        for block in line.blocks:
            assert not block.condition.startswith("{%"), line


def test_every_comment_of_gfd_describes_something() -> None:
    """A comment above the wrong line would be lost."""
    found = read_lines(Templates())
    for path in BUILT_IN.rglob("*.j2"):
        name = str(path.relative_to(BUILT_IN))
        described = {line.meaning for line in found if line.template == name}
        described |= {block.condition for line in found for block in line.blocks}
        for comment in path.read_text().split("{##")[1:]:
            text = " ".join(comment.partition("#}")[0].split())
            assert text.partition("] ")[2] in described or text in described, text


def test_a_line(tmp_path: Path) -> None:
    text = """\
{## where there is a GPU #}
{% if inventory.gpus %}
{# not for everybody #}
{## [GPUs] How many
    there are. #}
nvidia.com/mine={{ inventory.gpus | length }}
{% endif %}
"""
    (line,) = lines(tmp_path, text)
    assert (line.template, line.number, line.pattern) == ("mine.j2", 6, "nvidia.com/mine")
    assert (line.unit, line.meaning, line.condition) == (
        "GPUs",
        "How many there are.",
        "where there is a GPU",
    )
    assert line.source == "nvidia.com/mine={{ inventory.gpus | length }}"
    assert line.paths == (("inventory", "gpus"),)
    assert line.roots == {"mine.j2"}


def test_a_line_without_a_description(tmp_path: Path) -> None:
    (line,) = lines(tmp_path, "{% if node.gpu %}\nnvidia.com/mine = a{{ 1 + 1 }}\n{% endif %}\n")
    assert (line.unit, line.meaning, line.condition, line.paths) == ("", "", "{% if node.gpu %}", ())


def test_keys_that_depend_on_the_node(tmp_path: Path) -> None:
    text = """\
{% for gpu in inventory.gpus %}
{% set name = "gpu." ~ gpu.index %}
nvidia.com/{{ name }}.{{ gpu.brand | fit | lower }}.{{ node.mode ~ 1 }}.{{ name }}x={{ gpu.name | fit }}
{% for device in gpu.mig_devices %}
nvidia.com/{{ device.index }}={{ device.profile }}
{% endfor %}
{% endfor %}
"""
    outer, inner = lines(tmp_path, text)
    assert outer.pattern == "nvidia.com/gpu.<gpu>.<brand>.<mode>1.gpu.<gpu>x"
    assert outer.expression.fullmatch("nvidia.com/gpu.0.tesla.compute1.gpu.0x")
    assert outer.paths == (("inventory", "gpus", "name"),)
    assert (inner.pattern, inner.paths) == (
        "nvidia.com/<device>",
        (("inventory", "gpus", "mig_devices", "profile"),),
    )


def test_the_fields_of_a_value(tmp_path: Path) -> None:
    text = """\
{% set sliced = node.gpus | selectattr("is_mig_enabled") | list %}
{% set uuids = sliced | map(attribute="uuid") | list %}
nvidia.com/a={{ uuids | length + (node.resources[0].engines.copy or node.nothing) }}
nvidia.com/b={{ "%d" | format(sliced[0].memory_bytes // 2) if node.gpu else node.machine }}
"""
    first, second = lines(tmp_path, text)
    assert set(first.paths) == {
        ("node", "gpus", "is_mig_enabled"),
        ("node", "gpus", "uuid"),
        ("node", "resources", "engines", "copy"),
    }
    assert set(second.paths) == {
        ("node", "gpus", "is_mig_enabled"),
        ("node", "gpus", "memory_bytes"),
        ("node", "gpu"),
        ("node", "machine"),
    }


def test_a_variable_that_is_set_from_itself(tmp_path: Path) -> None:
    text = '{% set key = "a" %}\n{% set key = key ~ node.mode %}\nnvidia.com/{{ key }}={{ key }}\n'
    (line,) = lines(tmp_path, text)
    assert line.pattern == "nvidia.com/a<mode>"
    assert line.paths == (("node", "mode"),)


def test_every_branch_has_its_condition(tmp_path: Path) -> None:
    text = """\
{## first #}
{% if inventory.gpus | length == 1 %}
nvidia.com/a=1
{## second #}
{% elif inventory.gpus | length == 2 %}
nvidia.com/a=2
{% else %}
nvidia.com/a=3
{% endif %}
"""
    found = lines(tmp_path, text)
    templates = Templates(template_files.read(tmp_path))
    assert [line.condition for line in found] == ["first", "second", "not first"]
    assert [list(run_line(templates, line, ROOTS).bindings) for line in found] == [[], ["nvidia.com/a"], []]
    assert [run_line(templates, line, ROOTS).depth for line in found] == [0, 1, 0]


def test_an_included_template(tmp_path: Path) -> None:
    text = '{## with a GPU #}\n{% if node.gpu %}\n{% include "_part.j2" %}\n{% endif %}\n'
    part = (
        '{% include "mine.j2" %}\n{## [name] Mine. #}\nnvidia.com/mine=1\n{% include ["_a.j2", "_b.j2"] %}\n'
    )
    (line,) = lines(tmp_path, text, _part=part, _a="", _b="")
    assert (line.template, line.number, line.condition, line.meaning) == (
        "_part.j2",
        3,
        "with a GPU",
        "Mine.",
    )


def test_a_line_that_several_templates_include(tmp_path: Path) -> None:
    (tmp_path / "other.j2").write_text('{% include "_part.j2" %}')
    (line,) = lines(tmp_path, '{% include "_part.j2" %}', _part="nvidia.com/mine=1\n")
    assert line.roots == {"mine.j2", "other.j2"}


def test_lines_that_are_too_complex_are_left_out(tmp_path: Path) -> None:
    text = """\
{% macro write(key) %}nvidia.com/{{ key }}=1{% endmacro %}
{{ write("a") }}
nvidia.com/b={% if node.gpu %}1{% else %}2{% endif %}

{% for a, b in {"c": 1}.items() %}
nvidia.com/{{ a }}={{ b }}
{% endfor %}
"""
    found = lines(tmp_path, text)
    assert [line.pattern for line in found] == ["nvidia.com/b", "nvidia.com/<a>"]


@pytest.mark.parametrize(
    ("test", "kinds"),
    [
        ("resource.gi_slices is none", (False,)),
        ("resource.gi_slices is not none and resource.engines", (True,)),
        ("resource.memory_mib is not none", (False, True)),
        ("resource.nothing is none", (False, True)),
        ("resource.gi_slices", (False, True)),
    ],
)
def test_whether_a_line_is_about_mig_devices(tmp_path: Path, test: str, kinds: tuple[bool, ...]) -> None:
    label = "\nnvidia.com/{{ resource.name }}.x=1\n"
    loop = "{% for resource in node.resources"
    (inner,) = lines(tmp_path, f"{loop} %}}{{% if {test} %}}{label}{{% endif %}}{{% endfor %}}")
    (filtered,) = lines(tmp_path, f"{loop} if {test} %}}{label}{{% endfor %}}")
    assert inner.is_mig == filtered.is_mig == kinds


def test_the_devices_of_a_line(tmp_path: Path) -> None:
    text = """\
{% for resource in node.resources %}
{% set sliced = inventory.gpus | selectattr("is_mig_enabled") | list %}
{% set devices = sliced | map(attribute="mig_devices") | list %}
nvidia.com/{{ resource.name }}.x={{ devices | map("length") | sum + sliced | count }}
{% endfor %}
"""
    (line,) = lines(tmp_path, text)
    found = run_line(Templates(template_files.read(tmp_path)), line, ROOTS).bindings
    assert list(found) == ["nvidia.com/gpu.x", "nvidia.com/mig-1g.5gb.x"]
    second = INVENTORY.gpus[1]
    for resource, binding in zip(NODE.resources, found.values(), strict=True):
        assert binding.objects == {("node", "resources"): resource}
        assert binding.devices == (*(second.mig_devices or ()), second)


def test_a_template_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"^template mine\.j2, line 1: "):
        lines(tmp_path, "{% if %}")
