"""Format the catalog as a Markdown page, docs/labels.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.text import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gfd.tools.explain.explanation import LabelAnswer, LabelFact

_PAGE = """\
# Labels

<!-- gfd explain --catalog -o markdown writes this page; pytest --update-golden tests/tools renews it. -->

All labels that gfd can write. `gfd explain KEY` explains a label on this machine. `<resource>` is `gpu`, and
with `--mig-strategy mixed` also each `mig-<profile>`, such as `mig-1g.5gb`.
"""


def format_markdown(answer: LabelAnswer) -> str:
    """Return the catalog as a Markdown page with a section for each template."""
    sections: dict[str, list[str]] = {}
    for each in answer.explanations:
        rows = sections.setdefault(each.places[0].template, [])
        cells = (f"`{each.key}`", each.unit, each.meaning, each.places[0].when, _format_facts(each.parts))
        rows.append(f"| {' | '.join(_escape(escape(cell)) for cell in cells)} |\n")
    page = _PAGE
    for template in answer.templates:
        introduction = f"{_escape(escape(template.introduction))}\n\n" if template.introduction else ""
        page += f"\n## {escape(template.name)}\n\n{introduction}"
        page += "| label | unit | meaning | when | made from |\n|---|---|---|---|---|\n"
        page += "".join(sections[template.name])
    return page


def _format_facts(parts: Iterable[LabelFact]) -> str:
    return "; ".join(
        f"`{part.name}`" + (f" ({', '.join(f'`{each}`' for each in part.sources)})" if part.sources else "")
        for part in parts
    )


def _escape(text: str) -> str:
    """Escape text for a Markdown table; between backticks, escape only the bars."""
    pieces = text.replace("|", "\\|").split("`")
    pieces[::2] = [piece.replace("<", "\\<").replace("*", "\\*") for piece in pieces[::2]]
    return "`".join(pieces)
