"""Reads the pages of documentation: their commands with output, files and links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "RELEASING.md")),
    *sorted((ROOT / "docs").glob("*.md")),
)

_BLOCK = re.compile(r"(?:<!-- file: (?P<file>\S+) -->\n)?```(?P<kind>\w*)\n(?P<text>.*?)```\n", re.DOTALL)
_EXIT = re.compile(r"\[exit code (\d+)\]\n$")
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    text: str
    file: str
    """The file that the reader writes it to; empty if it is not a file."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A command and its output."""

    command: str
    output: str
    exit_code: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text()
    return [
        Block(
            page=page,
            line=text.count("\n", 0, match.start()) + 1,
            kind=match["kind"],
            text=match["text"],
            file=match["file"] or "",
        )
        for match in _BLOCK.finditer(text)
    ]


def shown(block: Block) -> list[Shown]:
    """Return the commands of a console block: each ``$`` line, with the lines up to the next one."""
    found = []
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        while command.endswith("\\"):
            more, _, output = output.partition("\n")
            command += "\n" + more
        ended = _EXIT.search(output)
        output = _EXIT.sub("", output)
        found.append(Shown(command=command, output=output, exit_code=int(ended[1]) if ended else 0))
    return found


def rewrite(page: Path, run: Callable[[str], tuple[str, int]]) -> None:
    """Replace the output of each command on the page by what it prints now."""
    text = page.read_text()
    for block in blocks(page):
        if block.kind != "console" or ".venv" in block.text:
            continue
        new = ""
        for each in shown(block):
            output, code = run(each.command)
            new += f"$ {each.command}\n{output}" + (f"[exit code {code}]\n" if code else "")
        text = text.replace(block.text, new)
    page.write_text(text)


def links(page: Path) -> Iterator[str]:
    without_code = _BLOCK.sub("", page.read_text())
    for match in _LINK.finditer(without_code):
        yield match["target"]


def anchors(page: Path) -> set[str]:
    """Return the anchors of the page's headings, as GitHub makes them."""
    found = set()
    for heading in _HEADING.findall(_BLOCK.sub("", page.read_text())):
        plain = re.sub(r"[^\w\- ]", "", heading.lower().replace("`", ""))
        found.add(plain.replace(" ", "-"))
    return found
