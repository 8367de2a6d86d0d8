"""The compiled templates render the same lines as jinja2."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from gfd_templates import compiled
from gfd_templates.compiled import TEMPLATES
from hypothesis import given
from jinja2 import DictLoader

from gfd.config.options import OPTIONS
from gfd.errors import GfdError, TemplateError
from gfd.inventory.model import Inventory
from gfd.labels.compiler import compile_all
from gfd.labels.rendered_label import Line, format_value, split_lines
from gfd.labels.resources import NodeFacts, resolve
from gfd.labels.template_engine import BUILT_IN, TemplateEngine
from gfd.labels.templates import Templates
from gfd.simulation import machines
from tests.any_inventory import any_inventory
from tests.make import gpu, inventory
from tests.test_golden import layouts
from tests.test_golden import read as read_machine

COMPILED = Path(compiled.__file__)
ENGINE = TemplateEngine({})
STRATEGIES = tuple(name.removesuffix(".j2") for name in TEMPLATES)


def by_jinja2(name: str, node: NodeFacts, found: Inventory) -> list[Line]:
    return list(split_lines(name, ENGINE.render(name, {"node": node, "inventory": found})))


def lines(engine: TemplateEngine, name: str, **variables: Any) -> list[Line]:
    """Compile a template and render it."""
    module: dict[str, Any] = {}
    exec(compile_all(engine, [name]), module)
    return list(module["TEMPLATES"][name](SimpleNamespace(**variables), None, format_value))


def of(text: str) -> TemplateEngine:
    """Return an engine with the single template ``x.j2``."""
    engine = TemplateEngine({})
    engine._environment.loader = DictLoader({"x.j2": text})
    return engine


def test_compiled_templates_are_current(request: pytest.FixtureRequest) -> None:
    made = compile_all(ENGINE, sorted(path.name for path in BUILT_IN.glob("*.j2")))
    if request.config.getoption("--update-golden"):
        COMPILED.write_text(made)
    assert COMPILED.read_text() == made


def test_every_strategy_is_compiled() -> None:
    (option,) = (option for option in OPTIONS if option.field == "mig_strategy")
    assert sorted(STRATEGIES) == sorted(option.choices)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("machine", machines.list_names())
def test_machines(machine: str, strategy: str) -> None:
    for layout in layouts(machine):
        found = read_machine(machine, layout)
        node = resolve(found, mig_strategy=strategy, timestamp=1)
        written = list(TEMPLATES[f"{strategy}.j2"](node, found, format_value))
        assert written
        assert written == by_jinja2(f"{strategy}.j2", node, found)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(any_inventory())
def test_any_inventory(strategy: str, found: Inventory) -> None:
    try:
        node = resolve(found, mig_strategy=strategy)
    except GfdError:
        return
    name = f"{strategy}.j2"
    try:
        expected = by_jinja2(name, node, found)
    except TemplateError:
        with pytest.raises((ValueError, AttributeError)):
            list(TEMPLATES[name](node, found, format_value))
        return
    assert list(TEMPLATES[name](node, found, format_value)) == expected


def test_a_failure_names_the_compiled_line() -> None:
    found = inventory(gpu())
    node = resolve(found, mig_strategy="none")._replace(machine="a\nb")
    with pytest.raises(TemplateError) as caught:
        Templates().render(node, found)
    lines = COMPILED.read_text().splitlines()
    number, text = next((i, line) for i, line in enumerate(lines, 1) if "gpu.machine=" in line)
    assert str(caught.value) == (
        f"template compiled.py, line {number}: the value 'a\\nb' contains control "
        f"characters in «{text.strip()}»"
    )


def test_a_failure_has_no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = compile(COMPILED.read_text().replace("node.driver.full", "node.nothing"), str(COMPILED), "exec")
    module: dict[str, Any] = {}
    exec(broken, module)
    monkeypatch.setattr("gfd_templates.compiled.TEMPLATES", module["TEMPLATES"])
    found = inventory(gpu())
    with pytest.raises(TemplateError, match=r"^template compiled\.py, line \d+: .* no attribute 'nothing'"):
        Templates().render(resolve(found, mig_strategy="none"), found)


def test_templates_without_labels() -> None:
    assert lines(of("{# nothing #}"), "x.j2") == []
    assert lines(of("{% if node.a %}\n# nothing\n{% endif %}\n"), "x.j2", a=1) == []


def test_quotes_and_braces() -> None:
    text = """nvidia.com/{"a\\b"}={{ node.a }}"{}'\n"""
    assert lines(of(text), "x.j2", a=1) == [("x.j2", 1, """nvidia.com/{"a\\b"}=1"{}\'""")]


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("\n{% if node.a %}\na=1\n{% else %}\na=2\n{% endif %}\n", "x.j2:2: if"),
        ("{% for a in node.a if a %}\na=1\n{% endfor %}\n", "x.j2:1: for"),
        ("a={% if node.a %}1{% endif %}\n", "x.j2:1: output"),
        ("a={{ node.a | upper }}\n", "x.j2:1: filter"),
        ("{% if node.a is defined %}\na=1\n{% endif %}\n", "x.j2:1: test"),
        ("a={{ node['a'] }}\n", "x.j2:1: getitem"),
        ("{% include node.a %}\n", "x.j2:1: include"),
        ("{% macro b() %}{% endmacro %}\n", "x.j2:1: macro"),
    ],
)
def test_unsupported_syntax(text: str, refused: str) -> None:
    with pytest.raises(ValueError) as caught:
        compile_all(of(text), ["x.j2"])
    assert str(caught.value) == (
        f"{refused} of this form is not supported by gfd.labels.compiler; "
        "write the template in a simpler way, or add support there"
    )
