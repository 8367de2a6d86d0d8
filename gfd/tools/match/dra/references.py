"""Check the names of requests in constraints and configurations of a claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gfd.clusterview.dra.limits import MAX_ITEMS
from gfd.tools.match.dra import rules
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.rules import check

if TYPE_CHECKING:
    from gfd.documents.value import Value


def check_references(item: Value, names: tuple[str, ...]) -> None:
    """Raise DocumentError for an entry of ``requests`` that is not one of ``names``, or is there twice."""
    requests = read_items(item, "requests")
    check(item.field("requests"), rules.Size(len(requests), MAX_ITEMS), rules.SIZE)
    seen: set[str] = set()
    for each in requests:
        name = read_text(each)
        check(each, rules.RequestReference(name, names, name in seen), rules.REFERENCE)
        seen.add(name)
