"""Print rewritten objects as YAML or JSON for ``kubectl apply``."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gfd.documents.comments import has_comments
from gfd.documents.writer import write
from gfd.errors import GfdError, Undecided
from gfd.text import escape, join_first
from gfd.tools.match.rewrite.remark import Remark
from gfd.tools.serialization import to_json
from gfd.tools.terminal import pluralize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gfd.tools.match.manifests.objects import ManifestFile
    from gfd.tools.match.rewrite.objects import RewrittenObject

_WIDTH = 1_000_000
"""Lines stay as long as they are: a part of a command is easier to find in one line."""
_MAX_NAMED = 5
"""The maximum number of objects in a message."""


def format_yaml(objects: Sequence[RewrittenObject]) -> Iterator[str]:
    """Yield the documents of a YAML file: before each object its templates, and the remarks as comments."""
    for number, each in enumerate(objects):
        comments = "".join(f"# {_comment(remark)}\n" for remark in each.remarks)
        head = f"# {each.title} ({each.file}:{each.line})\n{comments}" if comments else ""
        documents = [write(part, width=_WIDTH) for part in (*each.templates, each.object)]
        yield ("---\n" if number else "") + head + "---\n".join(documents)


def format_json(objects: Sequence[RewrittenObject]) -> str:
    """Return a List of the objects. Its fields ``lost`` and ``remarks`` are for people."""
    return to_json(
        {
            "apiVersion": "v1",
            "kind": "List",
            "items": [part for each in objects for part in (*each.templates, each.object)],
            "lost": list(_list_remarks(objects, is_lost=True)),
            "remarks": list(_list_remarks(objects, is_lost=False)),
        }
    )


def list_warnings(objects: Sequence[RewrittenObject]) -> Iterator[str]:
    """Yield a warning for each part of an object that its claims do not express."""
    for each in objects:
        for remark in each.remarks:
            if remark.is_lost:
                yield f"warning: {each.file}:{remark.line}: {remark.text}"


def find_error(objects: Sequence[RewrittenObject]) -> GfdError | None:
    """Return Undecided with the objects that lose something; None if there are none."""
    lost = [each for each in objects for remark in each.remarks if remark.is_lost]
    if not lost:
        return None
    losing = list(dict.fromkeys(f"{each.title} ({each.file}:{each.line})" for each in lost))
    number = pluralize(len(lost), "part")
    return Undecided(f"{number} of {join_first(losing, _MAX_NAMED)} cannot be carried over; see the warnings")


def _comment(remark: Remark) -> str:
    kind = "not carried over" if remark.is_lost else "note"
    return escape(f"{kind}: line {remark.line}: {remark.text}")


def _list_remarks(objects: Sequence[RewrittenObject], *, is_lost: bool) -> Iterator[dict[str, Any]]:
    for each in objects:
        for remark in each.remarks:
            if remark.is_lost is is_lost:
                yield {
                    "object": each.title,
                    "file": each.file,
                    "line": remark.line,
                    "subject": remark.subject,
                    "reason": remark.reason,
                    "next_step": remark.step,
                }


def add_remarks_about_comments(
    objects: Sequence[RewrittenObject], files: Sequence[ManifestFile]
) -> list[RewrittenObject]:
    """Return the objects, the first one of each file with comments with a remark that those are lost."""
    commented = {file.source for file in files if has_comments(file.text)}
    found = []
    for each in objects:
        if each.file in commented:
            commented.remove(each.file)
            remark = Remark(line=each.line, subject=f"comments of {each.file}", reason="are left out")
            found.append(replace(each, remarks=(*each.remarks, remark)))
        else:
            found.append(each)
    return found
