"""Check the configurations of claims and classes, which say nothing about which devices fit."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gfd.clusterview.dra.limits import MAX_ITEMS
from gfd.tools.match.dra import rules
from gfd.tools.match.dra.references import check_references
from gfd.tools.match.podspec.fields import read_items, read_text
from gfd.tools.match.podspec.rules import check

if TYPE_CHECKING:
    from gfd.documents.value import Value


def check_configurations(owner: Value, names: tuple[str, ...] | None) -> None:
    """Raise DocumentError for an entry of ``config`` that the API server refuses.

    ``names`` are the requests of a claim; None for a DeviceClass, which has no requests.
    """
    items = read_items(owner, "config")
    check(owner.field("config"), rules.Size(len(items), MAX_ITEMS), rules.SIZE)
    for item in items:
        if names is None:
            item.only("opaque")
        else:
            item.only("requests", "opaque")
            check_references(item, names)
        opaque = item.member("opaque")
        if opaque is None:
            raise item.field("opaque").error("is missing; write the driver and its parameters")
        opaque.only("driver", "parameters")
        driver = read_text(opaque, "driver")
        check(opaque.field("driver"), driver, rules.DRIVER)
        parameters = opaque.member("parameters")
        if parameters is None:
            raise opaque.field("parameters").error("is missing; write the parameters of the driver")
        parameters.mapping()
        if len(json.dumps(parameters.plain(), separators=(",", ":"))) > rules.MAX_PARAMETERS_BYTES:
            raise parameters.error(f"is longer than {rules.MAX_PARAMETERS_BYTES} bytes; shorten it")
