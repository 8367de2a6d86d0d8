from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gfd.errors import GfdError, LabelError, TemplateError
from gfd.labels import template_files
from gfd.labels.rendered_label import RenderedLabel
from gfd.labels.resources import resolve
from gfd.labels.template_engine import BUILT_IN
from gfd.labels.templates import Templates
from tests.make import gpu, inventory, mig_gpu

if TYPE_CHECKING:
    from pathlib import Path

INVENTORY = inventory(gpu())


def write(folder: Path, text: str, name: str = "mine.j2", **options: Any) -> tuple[RenderedLabel, ...]:
    """Render an own template together with the built-in ones; return its labels."""
    (folder / name).write_text(text)
    templates = Templates(template_files.read(folder), **options)
    templates.compile("none")
    node = resolve(INVENTORY, mig_strategy="none")
    return tuple(w for w in templates.render_with_origins(node, INVENTORY) if w.template == name)


def fail(folder: Path, text: str, name: str = "mine.j2") -> str:
    with pytest.raises((TemplateError, LabelError)) as caught:
        write(folder, text, name)
    return str(caught.value)


def test_an_own_template(tmp_path: Path) -> None:
    text = """\
{# racks #}
# a comment

example.com/rack = r{{ inventory.gpus | length }}
{% for gpu in inventory.gpus %}
example.com/gpu-{{ gpu.index }}={{ gpu.name | fit }}
{% endfor %}
"""
    assert write(tmp_path, text, allowed_prefixes=("example.com/",)) == (
        RenderedLabel(key="example.com/rack", value="r1", template="mine.j2", line=4),
        RenderedLabel(key="example.com/gpu-0", value="A100-PCIE-40GB", template="mine.j2", line=6),
    )


def test_an_allowed_prefix_ends_where_its_domain_ends(tmp_path: Path) -> None:
    (label,) = write(tmp_path, "example.com/a=1", allowed_prefixes=("example.com",))
    assert label.key == "example.com/a"
    with pytest.raises(LabelError, match=r"begins with none of .*, example\.com/;"):
        write(tmp_path, "example.community/a=1", allowed_prefixes=("example.com",))


def test_overriding_a_built_in_template(tmp_path: Path) -> None:
    (tmp_path / "_resources.j2").write_text("nvidia.com/gpu.count=few\n")
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/counts.j2").write_text("nvidia.com/mine=1\n")
    node = resolve(INVENTORY, mig_strategy="none")
    labels = Templates(template_files.read(tmp_path)).render(node, INVENTORY, ("counts",))
    assert labels["nvidia.com/gpu.count"] == "few"
    assert labels["nvidia.com/mine"] == "1"
    assert "nvidia.com/gpu.product" not in labels


def test_only_templates_are_added(tmp_path: Path) -> None:
    for name in ("_shared.j2", "notes.txt", ".hidden.j2"):
        (tmp_path / name).write_text("neither rendered nor read")
    assert Templates(template_files.read(tmp_path)).list_names("none") == ("none.j2",)


def test_labels_are_sorted() -> None:
    labels = Templates().render(resolve(INVENTORY, mig_strategy="none"), INVENTORY)
    assert list(labels) == sorted(labels)


def test_origins_of_built_in_lines() -> None:
    node = resolve(inventory(mig_gpu()), mig_strategy="mixed", timestamp=1)
    for written in Templates().render_with_origins(node, inventory(mig_gpu()), ("identity", "counts")):
        source = (BUILT_IN / written.template).read_text().splitlines()[written.line - 1]
        assert source.partition("=")[0].endswith(written.key.rpartition(".")[2]) or "{{" in source
        assert "=" in source


def test_a_syntax_error(tmp_path: Path) -> None:
    assert fail(tmp_path, "a=b\n{% if %}\n") == (
        "template mine.j2, line 2: Expected an expression, got 'end of statement block'"
    )


def test_a_syntax_error_in_an_included_template(tmp_path: Path) -> None:
    (tmp_path / "_part.j2").write_text("\n\n{{ }\n")
    assert fail(tmp_path, '{% include "_part.j2" %}').startswith("template _part.j2, line 3: ")


def test_an_undefined_name(tmp_path: Path) -> None:
    assert fail(tmp_path, "\nnvidia.com/a={{ node.nonsense }}\n") == (
        "template mine.j2, line 2: 'gfd.labels.resources.NodeFacts object' has no attribute 'nonsense' "
        "in «nvidia.com/a={{ node.nonsense }}»"
    )


def test_an_undefined_name_in_an_extra_group(tmp_path: Path) -> None:
    (tmp_path / "extra").mkdir()
    (tmp_path / "extra/counts.j2").write_text("a={{ nothing }}")
    with pytest.raises(TemplateError, match=r"template extra/counts\.j2, line 1: 'nothing' is undefined"):
        Templates(template_files.read(tmp_path)).render(
            resolve(INVENTORY, mig_strategy="none"), INVENTORY, ("counts",)
        )


def test_an_error_in_a_built_in_template(tmp_path: Path) -> None:
    assert fail(tmp_path, '{% set node = 1 %}\n{% include "_resources.j2" %}\n', "none.j2") == (
        "template _resources.j2, line 3: 'int object' has no attribute 'resources' "
        "in «{% for resource in node.resources %}»"
    )


def test_a_missing_include(tmp_path: Path) -> None:
    assert "line 1: template _gone.j2 does not exist in «" in fail(tmp_path, '{% include "_gone.j2" %}')


def test_none_is_an_error(tmp_path: Path) -> None:
    assert "the hardware has no such thing" in fail(tmp_path, "nvidia.com/a={{ inventory.gpus[0].uuid }}")


def test_control_characters_are_an_error(tmp_path: Path) -> None:
    assert "contains control characters" in fail(tmp_path, 'nvidia.com/a={{ "b\\nnvidia.com/c=d" }}')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nvidia.com/a", "template mine.j2, line 1: the line is not of the form key=value"),
        ("nvidia.com/a=b c", "the value may hold only letters"),
        ("nvidia.com/=b", "the key's name is empty"),
        ("nvidia.com/gpu.deploy.mine=b", "belongs to NVIDIA's GPU operator"),
        ("other.com/a=b", "begins with none of nvidia.com/, feature.node.kubernetes.io/"),
        ("nvidia.com/gpu.count=1", "the key is already set by _resources.j2:6 (written by mine.j2:1)"),
        ("nvidia.com/a=1\nnvidia.com/a=1", "already set by mine.j2:1 (written by mine.j2:2)"),
    ],
)
def test_invalid_lines(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in fail(tmp_path, text)


@pytest.mark.parametrize(
    "expression",
    [
        "inventory.__class__",
        "''.__class__.__mro__",
        "node.gpu.failures.__class__",
        "cycler.__init__.__globals__",
        "(inventory.gpus | list).append(1)",
        "self.__dict__",
    ],
)
def test_the_sandbox(tmp_path: Path, expression: str) -> None:
    with pytest.raises(GfdError, match=r"template mine\.j2, line 1"):
        write(tmp_path, f"nvidia.com/a={{{{ {expression} }}}}")


def test_too_much_output(tmp_path: Path) -> None:
    text = (
        "{% for a in range(9999) %}{% for b in range(9999) %}nvidia.com/a={{ a }}\n{% endfor %}{% endfor %}"
    )
    assert fail(tmp_path, text) == "template mine.j2: its output is longer than 1048576 characters"


def test_too_much_memory(tmp_path: Path) -> None:
    text = "nvidia.com/a={{ 'a' * (inventory.gpus | length * 10**15) }}"
    assert "it needs more than 256 MiB, the limit for templates" in fail(tmp_path, text)


NESTED = "it is nested too deeply, or calls itself endlessly"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"nvidia.com/a={{{{ {'(' * 20_000}1{')' * 20_000} }}}}", f"template mine.j2, line 2: {NESTED}"),
        (f"nvidia.com/a={{{{ 1{'|string' * 3000} }}}}", f"template mine.j2, line 2: {NESTED}"),
        (f"nvidia.com/a={{{{ {'not ' * 2000}1 }}}}", f"template mine.j2, line 2: {NESTED}"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", f"template mine.j2, line 2: {NESTED} in «"),
        (f"{'{% if 1 %}' * 150}{'{% endif %}' * 150}", "template mine.j2: too many levels of indentation"),
        (f"nvidia.com/a={{{{ {'9' * 5000} }}}}", "template mine.j2, line 2: Exceeds the limit (4300 digits)"),
    ],
    ids=["parentheses", "filters", "operators", "calls", "blocks", "digits"],
)
def test_too_deep_for_the_compiler(tmp_path: Path, text: str, expected: str) -> None:
    assert fail(tmp_path, f"\n{text}\n").startswith(expected)


def test_a_strategy_without_a_template() -> None:
    with pytest.raises(TemplateError, match=r"^template nothing\.j2: cannot be loaded: nothing\.j2$"):
        Templates().compile("nothing")


def test_an_included_template_ends_its_last_line(tmp_path: Path) -> None:
    (tmp_path / "_rack.j2").write_text("nvidia.com/a=1\n")
    (tmp_path / "mine.j2").write_text('{% include "_rack.j2" %}\nnvidia.com/b=2\n')
    templates = Templates(template_files.read(tmp_path))
    written = templates.render_with_origins(resolve(INVENTORY, mig_strategy="none"), INVENTORY)
    assert written[-2:] == (
        RenderedLabel(key="nvidia.com/a", value="1", template="_rack.j2", line=1),
        RenderedLabel(key="nvidia.com/b", value="2", template="mine.j2", line=2),
    )
