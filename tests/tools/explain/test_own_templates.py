"""Explanations of labels that own templates write."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.explain.command import Explain

pytestmark = pytest.mark.whole


OWN = """\
{# Where the machine stands. #}
{## [name] The | rack\x1b[2J. #}
example.com/rack=r1
{% with count = 1 %}
example.com/made={{ count }}
{% endwith %}
"""


def test_own_templates(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text(OWN)
    options = ("--template-dir", str(tmp_path), "--label-prefix-allow", "example.com")
    expected = """\
example.com/rack=r1
  The | rack\\x1b[2J.
  unit        name
  written by  mine.j2, line 3: example.com/rack=r1
  value from  the simulated machine t4

example.com/made=1
  written by  mine.j2, line 5
  value from  the simulated machine t4
"""
    words = ("example.com/rack", "example.com/made", "--simulate", "t4")
    assert explain(*words, *options) == (0, expected, "")
    _, page, _ = explain("--catalog", "-o", "markdown", *options)
    assert page.endswith("""
## mine.j2

Where the machine stands.

| label | unit | meaning | when | made from |
|---|---|---|---|---|
| `example.com/rack` | name | The \\| rack\\x1b[2J. |  |  |
""")


def test_a_part_that_is_included_twice(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "_part.j2").write_text("nvidia.com/rack=r1\n")
    include = '{% include "_part.j2" %}'
    (tmp_path / "mine.j2").write_text(
        f"{{## without a GPU #}}\n{{% if not node.gpu %}}\n{include}\n{{% endif %}}\n"
        f"{{## with a GPU #}}\n{{% if node.gpu %}}\n{include}\n{{% endif %}}\n"
    )
    expected = """\
nvidia.com/rack=r1
  written by  _part.j2, line 1: nvidia.com/rack=r1
  when        with a GPU
  value from  the simulated machine t4
"""
    assert explain("rack", "--simulate", "t4", "--template-dir", str(tmp_path)) == (0, expected, "")


@pytest.mark.slow
def test_a_template_that_uses_too_much_cpu_time(explain: Explain, tmp_path: Path) -> None:
    (tmp_path / "mine.j2").write_text("nvidia.com/rack={{ 9**(10**8) }}\n")
    code, out, err = explain("--catalog", "--template-dir", str(tmp_path))
    assert (code, out) == (1, "")
    assert err.startswith(
        "gfd: the process that reads the hardware was killed after 2 s of CPU time, in reading "
    )
