"""PodSpecs that Kubernetes refuses, and what it says of each: tests/cluster asks a real API server."""

from __future__ import annotations

from typing import Any

Object = dict[str, Any]

NAME_RULE = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    " character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
    " '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
VALUE_RULE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used"
    " for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
SUBDOMAIN_RULE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must"
    " start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is"
    r" '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
POLICY = "Container.spec.initContainers.restartPolicy"
OPERATOR_FIELD = "Toleration.spec.tolerations.operator"
QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
MATCH_ALL = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
UNMARSHAL = "json: cannot unmarshal"
FIELD = "into Go struct field"
REQUIRED = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution"
EXPRESSION = f"{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]"
MATCH_FIELD = f"{REQUIRED}.nodeSelectorTerms[0].matchFields[0]"
ONE_BOUND = "must be specified single value when `operator` is 'Lt' or 'Gt'"
OPERATOR = "spec.tolerations[0].operator"
NOT_AN_OPERATOR = "not a valid selector operator"
LONG, TOO_LONG = "x" * 64, "must be no more than 63 bytes"


def affinity(**node_affinity: Any) -> Object:
    return {"affinity": {"nodeAffinity": node_affinity}}


def required(**term: Any) -> Object:
    return affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": [term]})


def asked(key: Any, operator: Any, *values: Any) -> Object:
    return required(matchExpressions=[{"key": key, "operator": operator, "values": list(values)}])


def field(key: str, operator: str, *values: Any) -> Object:
    return required(matchFields=[{"key": key, "operator": operator, "values": list(values)}])


def preferred(weight: Any, key: str = "a", operator: str = "Exists", *values: str) -> Object:
    expression = {"key": key, "operator": operator, "values": list(values)}
    preference = {"matchExpressions": [expression]}
    return affinity(
        preferredDuringSchedulingIgnoredDuringExecution=[{"weight": weight, "preference": preference}]
    )


def tolerated(**toleration: Any) -> Object:
    return {"tolerations": [toleration]}


def container(**members: Any) -> Object:
    return {"containers": [{"name": "c", "image": "i", **members}]}


def limited(**amounts: Any) -> Object:
    return container(resources={"limits": {name.replace("__", "/"): each for name, each in amounts.items()}})


def gpus(amount: Any) -> Object:
    return container(resources={"limits": {"nvidia.com/gpu": amount}})


LIMITS = "spec.containers[0].resources.limits"
REQUESTS = "spec.containers[0].resources.requests"

REFUSALS: list[tuple[Object, str]] = [
    ({"nodeSelector": {"a": "b c"}}, f'spec.nodeSelector: Invalid value: "b c": {VALUE_RULE}'),
    ({"nodeSelector": {"a": LONG}}, f'spec.nodeSelector: Invalid value: "{LONG}": {TOO_LONG}'),
    ({"nodeSelector": {LONG: "a"}}, f'spec.nodeSelector: Invalid value: "{LONG}": name part {TOO_LONG}'),
    ({"nodeSelector": {"a b": "c"}}, f'spec.nodeSelector: Invalid value: "a b": name part {NAME_RULE}'),
    ({"nodeSelector": {"/b": "c"}}, 'spec.nodeSelector: Invalid value: "/b": prefix part must be non-empty'),
    ({"nodeSelector": {"a/": "c"}}, 'spec.nodeSelector: Invalid value: "a/": name part must be non-empty'),
    (
        {"nodeSelector": {"A_/b": "c"}},
        f'spec.nodeSelector: Invalid value: "A_/b": prefix part {SUBDOMAIN_RULE}',
    ),
    (
        {"nodeSelector": {"a/b/c": "c"}},
        (
            f'spec.nodeSelector: Invalid value: "a/b/c": a valid label key {NAME_RULE}'
            " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ),
    ),
    (
        {"nodeSelector": {"x" * 254 + "/a": "c"}},
        f'spec.nodeSelector: Invalid value: "{"x" * 254}/a": prefix part must be no more than 253 bytes',
    ),
    ({"nodeSelector": {"a": 7}}, f"{UNMARSHAL} number {FIELD} PodSpec.spec.nodeSelector of type string"),
    ({"nodeSelector": {"a": 1.5}}, f"{UNMARSHAL} number {FIELD} PodSpec.spec.nodeSelector of type string"),
    ({"nodeSelector": {"a": True}}, f"{UNMARSHAL} bool {FIELD} PodSpec.spec.nodeSelector of type string"),
    ({"nodeSelector": {"a": ["b"]}}, f"{UNMARSHAL} array {FIELD} PodSpec.spec.nodeSelector of type string"),
    (
        {"nodeSelector": {"a": {"b": "c"}}},
        f"{UNMARSHAL} object {FIELD} PodSpec.spec.nodeSelector of type string",
    ),
    (
        {"nodeSelector": ["a"]},
        f"{UNMARSHAL} array {FIELD} PodSpec.spec.nodeSelector of type map[string]string",
    ),
    (
        {"nodeSelector": "a"},
        f"{UNMARSHAL} string {FIELD} PodSpec.spec.nodeSelector of type map[string]string",
    ),
    ({"nodeselector": {"a": "b"}}, 'strict decoding error: unknown field "spec.nodeselector"'),
    ({"affinity": {"nodeAffinty": {}}}, 'strict decoding error: unknown field "spec.affinity.nodeAffinty"'),
    (
        affinity(requiredDuringSchedulingRequiredDuringExecution={}),
        (
            "strict decoding error: unknown field"
            ' "spec.affinity.nodeAffinity.requiredDuringSchedulingRequiredDuringExecution"'
        ),
    ),
    (
        affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": []}),
        f"{REQUIRED}.nodeSelectorTerms: Required value: must have at least one node selector term",
    ),
    (
        affinity(requiredDuringSchedulingIgnoredDuringExecution={}),
        f"{REQUIRED}.nodeSelectorTerms: Required value: must have at least one node selector term",
    ),
    (
        affinity(requiredDuringSchedulingIgnoredDuringExecution=[{"matchExpressions": []}]),
        f"{UNMARSHAL} array {FIELD} NodeAffinity.{REQUIRED} of type v1.NodeSelector",
    ),
    (
        affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": {"matchFields": []}}),
        f"{UNMARSHAL} object {FIELD} NodeSelector.{REQUIRED}.nodeSelectorTerms of type []v1.NodeSelectorTerm",
    ),
    (asked("a", "in", "x"), f'{EXPRESSION}.operator: Invalid value: "in": {NOT_AN_OPERATOR}'),
    (asked("a", None, "x"), f'{EXPRESSION}.operator: Invalid value: "": {NOT_AN_OPERATOR}'),
    (
        asked("a", "In"),
        f"{EXPRESSION}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ),
    (
        asked("a", "NotIn"),
        f"{EXPRESSION}.values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ),
    (
        asked("a", "Exists", "x"),
        f"{EXPRESSION}.values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ),
    (
        asked("a", "Gt", "1", "2"),
        f"{EXPRESSION}.values: Required value: {ONE_BOUND}",
    ),
    (
        asked("a", "Lt"),
        f"{EXPRESSION}.values: Required value: {ONE_BOUND}",
    ),
    (asked("a", "Gt", "-5"), f'{EXPRESSION}.values[0]: Invalid value: "-5": {VALUE_RULE}'),
    (asked("a", "In", "x", "y z"), f'{EXPRESSION}.values[1]: Invalid value: "y z": {VALUE_RULE}'),
    (asked("a b", "In", "x"), f'{EXPRESSION}.key: Invalid value: "a b": name part {NAME_RULE}'),
    (asked(None, "In", "x"), f'{EXPRESSION}.key: Invalid value: "": name part must be non-empty'),
    (
        asked("a", "Gt", 5),
        (
            f"{UNMARSHAL} number {FIELD} NodeSelectorRequirement.{REQUIRED}"
            ".nodeSelectorTerms.matchExpressions.values of type string"
        ),
    ),
    (
        required(matchExpressions=[{"key": "a", "operator": "Gt", "values": "5"}]),
        (
            f"{UNMARSHAL} string {FIELD} NodeSelectorRequirement.{REQUIRED}"
            ".nodeSelectorTerms.matchExpressions.values of type []string"
        ),
    ),
    (
        required(matchExpression=[]),
        f'strict decoding error: unknown field "{REQUIRED}.nodeSelectorTerms[0].matchExpression"',
    ),
    (
        field("metadata.name", "In", "a", "b"),
        (
            f"{MATCH_FIELD}.values: Required value: must be only one value when `operator` is 'In' or 'NotIn'"
            " for node field selector"
        ),
    ),
    (field("metadata.name", "Exists"), f'{MATCH_FIELD}.operator: Invalid value: "Exists": {NOT_AN_OPERATOR}'),
    (
        field("metadata.labels", "In", "a"),
        f'{MATCH_FIELD}.key: Invalid value: "metadata.labels": not a valid field selector key',
    ),
    (
        field("metadata.name", "NotIn", "a_b"),
        f'{MATCH_FIELD}.values[0]: Invalid value: "a_b": {SUBDOMAIN_RULE}',
    ),
    (preferred(0), f"{PREFERRED}[0].weight: Invalid value: 0: must be in the range 1-100"),
    (preferred(101), f"{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100"),
    (preferred(None), f"{PREFERRED}[0].weight: Invalid value: 0: must be in the range 1-100"),
    (preferred("5"), f"{UNMARSHAL} string {FIELD} PreferredSchedulingTerm.{PREFERRED}.weight of type int32"),
    (
        preferred(1, "a b"),
        f'{PREFERRED}[0].preference.matchExpressions[0].key: Invalid value: "a b": name part {NAME_RULE}',
    ),
    (tolerated(), f'spec.tolerations[0].operator: Invalid value: "": {MATCH_ALL}'),
    (tolerated(operator="Equal"), f'spec.tolerations[0].operator: Invalid value: "Equal": {MATCH_ALL}'),
    (
        tolerated(key="a", operator="Exists", value="x"),
        "spec.tolerations[0].operator: Invalid value: \"x\": value must be empty when `operator` is 'Exists'",
    ),
    (
        tolerated(key="a", operator="Gt", value="5"),
        f'{OPERATOR}: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"',
    ),
    (
        tolerated(key="a", operator="exists"),
        'spec.tolerations[0].operator: Unsupported value: "exists": supported values: "Equal", "Exists"',
    ),
    (
        tolerated(key="a", effect="noschedule"),
        (
            'spec.tolerations[0].effect: Unsupported value: "noschedule": supported values: "NoSchedule",'
            ' "PreferNoSchedule", "NoExecute"'
        ),
    ),
    (
        tolerated(key="a", effect="NoSchedule", tolerationSeconds=5),
        (
            "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when"
            " `tolerationSeconds` is set"
        ),
    ),
    (tolerated(key="a", value="b c"), f'spec.tolerations[0].operator: Invalid value: "b c": {VALUE_RULE}'),
    (
        tolerated(key="a b", operator="Exists"),
        f'spec.tolerations[0].key: Invalid value: "a b": name part {NAME_RULE}',
    ),
    (
        tolerated(key="a", value=True),
        f"{UNMARSHAL} bool {FIELD} Toleration.spec.tolerations.value of type string",
    ),
    (
        {"tolerations": {"key": "a"}},
        f"{UNMARSHAL} object {FIELD} PodSpec.spec.tolerations of type []v1.Toleration",
    ),
    (tolerated(Key="a", operator="Exists"), 'strict decoding error: unknown field "spec.tolerations[0].Key"'),
    (gpus(0.5), f'{LIMITS}[nvidia.com/gpu]: Invalid value: "500m": must be an integer'),
    (gpus("1500m"), f'{LIMITS}[nvidia.com/gpu]: Invalid value: "1500m": must be an integer'),
    (gpus("0.0001"), f'{LIMITS}[nvidia.com/gpu]: Invalid value: "1m": must be an integer'),
    (gpus(-1), f'{LIMITS}[nvidia.com/gpu]: Invalid value: "-1": must be greater than or equal to 0'),
    (gpus("-500m"), f'{LIMITS}[nvidia.com/gpu]: Invalid value: "-500m": must be greater than or equal to 0'),
    (gpus("one"), QUANTITY_RULE),
    (gpus(""), QUANTITY_RULE),
    (gpus(True), QUANTITY_RULE),
    (gpus([1]), QUANTITY_RULE),
    (
        limited(**{"nvidia.com/mig 1g": 1}),
        f'{LIMITS}[nvidia.com/mig 1g]: Invalid value: "nvidia.com/mig 1g": name part {NAME_RULE}',
    ),
    (
        limited(gpu=1),
        f'{LIMITS}[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
    ),
    (
        container(resources={"requests": {"nvidia.com/gpu": 1}}),
        f"{LIMITS}: Required value: Limit must be set for non overcommitable resources",
    ),
    (
        container(resources={"requests": {"nvidia.com/gpu": 1}, "limits": {"nvidia.com/gpu": 2}}),
        f'{REQUESTS}: Invalid value: "1": must be equal to nvidia.com/gpu limit of 2',
    ),
    (
        container(resources={"limit": {"nvidia.com/gpu": 1}}),
        'strict decoding error: unknown field "spec.containers[0].resources.limit"',
    ),
    (
        {"resources": {"limits": {"nvidia.com/gpu": 1}}},
        (
            'spec.resources.limits[nvidia.com/gpu]: Unsupported value: "nvidia.com/gpu": supported values:'
            ' "cpu", "hugepages-", "memory"'
        ),
    ),
    (
        container(nodeSelector={"a": "b"}),
        'strict decoding error: unknown field "spec.containers[0].nodeSelector"',
    ),
    (
        {"initContainers": [{"name": "i", "image": "i", "restartPolicy": "always"}]},
        (
            'spec.initContainers[0].restartPolicy: Unsupported value: "always": supported values: "Always",'
            ' "Never", "OnFailure"'
        ),
    ),
    (
        {"initContainers": [{"name": "i", "image": "i", "restartPolicy": True}]},
        f"{UNMARSHAL} bool {FIELD} {POLICY} of type v1.ContainerRestartPolicy",
    ),
    (
        tolerated(key="a", operator=5),
        f"{UNMARSHAL} number {FIELD} {OPERATOR_FIELD} of type v1.TolerationOperator",
    ),
    ({"nodeName": "a_b"}, f'spec.nodeName: Invalid value: "a_b": {SUBDOMAIN_RULE}'),
    ({"containers": []}, "spec.containers: Required value"),
    ({"containers": None}, "spec.containers: Required value"),
    (
        {"containers": {"name": "c"}},
        f"{UNMARSHAL} object {FIELD} PodSpec.spec.containers of type []v1.Container",
    ),
]
"""What is put into a PodSpec that is good otherwise, and what the API server then says first."""

ACCEPTED: list[Object] = [
    {},
    {"nodeSelector": None},
    {"nodeSelector": {}},
    {"nodeSelector": {"a": None, "b": ""}},
    {"nodeName": "a.b"},
    affinity(requiredDuringSchedulingIgnoredDuringExecution=None),
    required(),
    asked("a", "Gt", "40Gi"),
    asked("a", "Lt", "99999999999999999999"),
    asked("a", "In", "x", "x", ""),
    field("metadata.name", "NotIn", "a.b"),
    affinity(preferredDuringSchedulingIgnoredDuringExecution=[{"weight": 1}]),
    tolerated(key="a"),
    tolerated(operator="Exists"),
    tolerated(operator="Exists", effect="NoExecute", tolerationSeconds=5),
    gpus(None),
    gpus(1.0),
    gpus("1.0"),
    gpus("1k"),
    gpus("0.9999"),
    gpus("1e30"),
    limited(**{"nvidia.com/mig-1g.5gb": 1, "cpu": "100m", "hugepages-2Mi": "2Mi", "example.com/a": 1}),
    container(resources=None),
    container(resources={"limits": None}),
    affinity(requiredDuringSchedulingIgnoredDuringExecution={"nodeSelectorTerms": [None]}),
    {"resources": {"limits": {"cpu": 1, "memory": "1Gi"}}},
    {"initContainers": [{"name": "i", "image": "i", "restartPolicy": "Always"}]},
]
"""What is put into it and taken."""


def make_pod(patch: Object) -> Object:
    spec = {"containers": [{"name": "c", "image": "i"}], **patch}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}
