"""Tags of an Auto Scaling group for cluster-autoscaler on AWS, in JSON for Amazon's command line.

Rules, from kubernetes/autoscaler, ``cluster-autoscaler/cloudprovider/aws/aws_manager.go``:

- The key of a label is ``k8s.io/cluster-autoscaler/node-template/label/`` and the label's key, with nothing
  escaped; the value is the label's. ``…/resources/`` and a resource have a quantity as their value.
  ``…/taint/`` and the taint's key have ``value:effect``.
- The number of ``nvidia.com/gpu`` comes from the instance type unless a tag says otherwise, so a node that
  offers only other devices needs a tag with 0.

From Amazon's reference for Auto Scaling (Tag) and EC2 (tag restrictions): a key has at most 128 characters,
a value 256, and a group 50 tags. A key cannot have two values, so there is one taint per key. Everything
that a label can hold is allowed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gfd.tools.template.model import FormattedTemplate
from gfd.tools.template.saved_labels import SavedLabels

if TYPE_CHECKING:
    from gfd.documents.value import Value
    from gfd.tools.template.model import NodeTemplate

PREFIX = "k8s.io/cluster-autoscaler/node-template/"
MAX_KEY, MAX_TAGS = 128, 50


def write(template: NodeTemplate) -> FormattedTemplate:
    """Return the tags as JSON; the group has the template's name."""
    tags = {f"{PREFIX}label/{key}": value for key, value in sorted(template.labels.items())}
    tags |= {f"{PREFIX}resources/{name}": quantity for name, quantity in template.offered.items()}
    tags |= {f"{PREFIX}taint/{taint.key}": f"{taint.value}:{taint.effect}" for taint in template.taints}
    warnings = [
        f"{key} is left out: AWS takes at most {MAX_KEY} characters; shorten the label's prefix"
        for key in tags
        if len(key) > MAX_KEY
    ]
    warnings += template.explain_repeated_taints()
    plain = [
        {
            "ResourceId": template.name,
            "ResourceType": "auto-scaling-group",
            "Key": key,
            "Value": value,
            "PropagateAtLaunch": False,
        }
        for key, value in tags.items()
        if len(key) <= MAX_KEY
    ]
    if len(plain) > MAX_TAGS:
        warnings.append(
            f"these are {len(plain)} tags, and a group takes {MAX_TAGS}; choose labels with --label"
        )
    return FormattedTemplate(text=json.dumps(plain, indent=2) + "\n", warnings=tuple(warnings))


def read(document: Value) -> list[SavedLabels]:
    """Return the labels of each group, from a list of tags or the output of ``describe-tags``."""
    tags = document.member("Tags") or document
    if not isinstance(tags.content, tuple):
        return []
    groups: dict[str, dict[str, str]] = {}
    for tag in tags.items():
        key, value, group = tag.member("Key"), tag.member("Value"), tag.member("ResourceId")
        if key is None or value is None:
            return []
        name = key.text().removeprefix(f"{PREFIX}label/")
        if name != key.text():
            owner = f"Auto Scaling group {group.text()}" if group else ""
            groups.setdefault(owner, {})[name] = value.text()
    return [SavedLabels(owner=owner, labels=labels) for owner, labels in groups.items()]
