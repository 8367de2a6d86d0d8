from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

from gfd import __version__
from gfd.clusterview.gpus import describe
from gfd.clusterview.nodes import Node, Taint
from gfd.tools.report import page
from gfd.tools.report.diagrams import Diagram, Segment
from gfd.tools.report.encoding import encode
from gfd.tools.report.node_cards import NodeCard

DIAGRAM = Diagram(
    caption="GPU 0", columns=1, segments=(Segment(state="taken", text="1g.5gb", slices=1, start=0),)
)
GPU = "nvidia.com/gpu"
TAINT = Taint(key="team", value="a", effect="NoSchedule")
CARDS = (
    NodeCard(
        name="a",
        labels={"zone": "z", "nvidia.com/mig-1g.5gb.count": "7", "nvidia.com/gpu.product": "P"},
        facts=("1", "2"),
        diagrams=(DIAGRAM, DIAGRAM),
        taints=(TAINT,),
        gpus=describe(Node(name="a", allocatable={GPU: 2}, requested={GPU: 1})),
    ),
    NodeCard(name="b", labels={"zone": "z"}, facts=("2",), states=("1",), notes=("1",), taints=(TAINT,)),
)
HOSTILE = (
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>&amp;&#60;",
    "</style><img src=x onerror=alert(1)>",
    "{{ title }}",
    "\u202e\u2028\x00\ud800 😀",
)


class Reader(HTMLParser):
    """Collects the elements of a page and their text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags = [""]
        self.texts: dict[str, str] = {}
        self.policy = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""

    def handle_data(self, data: str) -> None:
        self.texts[self.tags[-1]] = self.texts.get(self.tags[-1], "") + data.strip()


def write(*cards: NodeCard, title: str = "Title", source: str = "Source.") -> str:
    return page.render(cards, title=title, source=source, written_s=1619479472)


def data_of(text: str) -> object:
    return json.loads(re.findall(r'<script type="application/json" id="data">(.*?)</script>', text)[0])


def test_repeated_values_are_stored_once() -> None:
    segment = {"state": "taken", "row": 0, "start": 0, "span": 1, "slices": 1, "text": "1g.5gb"}
    assert encode(CARDS) == {
        "first": ["nvidia.com/gpu.product", "nvidia.com/mig-1g.5gb.count"],
        "labels": [["nvidia.com/gpu.product", "P"], ["nvidia.com/mig-1g.5gb.count", "7"], ["zone", "z"]],
        "texts": ["1", "2"],
        "taints": [["team", "a", "NoSchedule"]],
        "offers": [["nvidia.com/gpu", 2, 1]],
        "diagrams": [{"caption": "GPU 0", "words": "", "rows": [], "columns": 1, "segments": [segment]}],
        "nodes": [
            {
                "name": "a",
                "hasGpus": True,
                "labels": [0, 1, 2],
                "facts": [0, 1],
                "states": [],
                "notes": [],
                "taints": [0],
                "offers": [0],
                "diagrams": [0, 0],
            },
            {
                "name": "b",
                "hasGpus": False,
                "labels": [2],
                "facts": [1],
                "states": [0],
                "notes": [0],
                "taints": [0],
                "offers": [],
                "diagrams": [],
            },
        ],
    }
    tables = ("first", "labels", "texts", "taints", "offers", "diagrams", "nodes")
    assert encode(()) == {name: [] for name in tables}


def test_title_source_and_data() -> None:
    reader = Reader(write(*CARDS))
    assert reader.texts["title"] == reader.texts["h1"] == "Title"
    assert f"Source. Written at 2021-04-26 23:24 UTC by gfd {__version__}." in reader.texts["p"]
    assert data_of(write(*CARDS)) == encode(CARDS)


def test_the_policy_allows_only_the_own_style_and_script() -> None:
    text = write(*CARDS)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    style_hash, script_hash = (
        base64.b64encode(hashlib.sha256(each.encode()).digest()).decode() for each in (style, script)
    )
    assert Reader(text).policy == (
        f"default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}';"
        " base-uri 'none'; form-action 'none'"
    )


def test_hostile_text_stays_text() -> None:
    tags = Reader(write(NodeCard(name="a"))).tags
    for text in HOSTILE:
        diagram = Diagram(caption=text, words=text, rows=(text,), columns=1)
        card = NodeCard(name=text, labels={text: text}, facts=(text,), notes=(text,), diagrams=(diagram,))
        written = write(card, title=text, source=text)
        assert written.isascii()
        assert Reader(written).tags == tags
        assert data_of(written) == encode([card])
