"""Find out from an object's metadata what somebody else changed in it, and who that was.

Pure functions over ``metadata`` as plain dicts. A change by the field manager ``gfd`` is one by another gfd.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.kube.field_managers import (
    MANAGER,
    applied_by,
    holders,
    last_write_time,
    owner_managers,
    spec_holders,
)
from gfd.labels.syntax import TIMESTAMP
from gfd.publishing.drift import Drift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.labels.syntax import Labels


def detect_node_drift(
    before: Mapping[str, Any] | None, now: Mapping[str, Any] | None, wanted: Mapping[str, Labels]
) -> Drift:
    """Return what somebody changed on a Node, and who.

    ``before`` is the metadata after gfd's last write, None if unknown; ``now`` is None if the Node was
    deleted. ``wanted`` are the keys and values that gfd holds there, by kind: labels, annotations.
    """
    if now is None:
        return Drift(sink="node", what="deleted")
    has_written = before is not None and last_write_time(now, MANAGER) != last_write_time(before, MANAGER)
    is_rival = False
    keys: set[str] = set()
    writers: set[str] = set()
    for kind, labels in wanted.items():
        present, held = now.get(kind) or {}, holders(now, kind)
        applied = applied_by(now, MANAGER, kind)
        gone, added = labels.keys() - present.keys(), applied - labels.keys()
        changed = {
            key for key in labels.keys() & present.keys() if present[key] != labels[key] and key != TIMESTAMP
        }
        keys |= changed | gone | added
        is_rival |= bool(applied & changed or added or (gone and has_written))
        writers |= {manager for key in changed for manager in held.get(key, ()) if manager != MANAGER}
    who = [*sorted(writers), *([f"field manager {MANAGER}"] if is_rival else [])]
    return Drift(sink="node", keys=tuple(sorted(keys)), writer=", ".join(who), is_rival=is_rival)


def detect_node_feature_drift(before: Mapping[str, Any], now: Mapping[str, Any] | None) -> Drift:
    """Return what somebody changed in a NodeFeature, and who.

    ``before`` is the metadata after gfd's last write; ``now`` is None if the object was deleted. The
    published labels are not in the metadata, so their values are unknown.
    """
    if now is None:
        return Drift(sink="nodefeature", what="deleted")
    owners_before, owners_now = before.get("ownerReferences") or [], now.get("ownerReferences") or []
    foreign_owners = [owner for owner in owners_now if owner not in owners_before]
    held = spec_holders(now)
    keys = {key for key, managers in held.items() if set(managers) - {MANAGER}}
    writers = {manager for managers in held.values() for manager in managers}
    writers |= {manager for owner in foreign_owners for manager in owner_managers(now, owner["uid"])}
    is_rival = writers <= {MANAGER} and last_write_time(now, MANAGER) != last_write_time(before, MANAGER)
    who = [f"field manager {MANAGER}"] if is_rival else sorted(writers - {MANAGER})
    who += [f"{owner['kind']} {owner['name']}" for owner in foreign_owners]
    return Drift(
        sink="nodefeature",
        what="labels" if owners_before == owners_now else "owner",
        keys=tuple(sorted(keys)),
        writer=", ".join(who),
        is_rival=is_rival,
        # Kubernetes deletes the object together with its owner, which gfd did not choose.
        is_urgent=bool(foreign_owners) and not is_rival,
    )
