"""Render the page from template, style, script and data, with a security policy that allows only these.

The page is always ASCII, so that no locale, file system or web server can damage it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gfd import __version__
from gfd.tools.report.encoding import encode
from gfd.tools.report.totals import make_legend, make_total_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gfd.tools.report.node_cards import NodeCard

_FOLDER = Path(__file__).parent


def render(
    cards: Sequence[NodeCard], *, title: str, source: str, written_s: float, is_cluster: bool = False
) -> str:
    """Return the page; ``source`` is the origin of the nodes in words, ``written_s`` is a Unix time.

    ``is_cluster`` says whether pods can hold the devices.
    """
    style, main, pod = (_read(name) for name in ("page.css", "page.js", "page.pod.js"))
    script = f"{main}\n{pod}"
    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    page = environment.get_template("page.html.j2").render(
        title=title,
        source=source,
        version=__version__,
        written_at=f"{datetime.fromtimestamp(written_s, UTC):%Y-%m-%d %H:%M} UTC",
        policy=(
            f"default-src 'none'; style-src {_digest(style)}; script-src {_digest(script)};"
            " base-uri 'none'; form-action 'none'"
        ),
        totals=make_total_rows(cards),
        legend=make_legend(cards, is_cluster=is_cluster),
        style=style,
        script=script,
        data=_embed(encode(cards)),
    )
    return page.encode("ascii", "xmlcharrefreplace").decode()


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="ascii")


def _embed(data: dict[str, Any]) -> str:
    """Return JSON that contains no HTML tag, even in its strings."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=True)
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _digest(text: str) -> str:
    """Return the hash of an inline style or script for the policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
