"""The flags of a template, read back as the kubelet and the admission plugin NodeRestriction read them."""

from __future__ import annotations

from gfd.labels.syntax import OWN_PREFIXES, explain_prefix
from gfd.tools.template.formats import kubelet
from tests.tools.template.templates import TAINTS, list_templates


def is_below(domain: str, *others: str) -> bool:
    return any(domain == other or domain.endswith(f".{other}") for other in others)


def is_refused(key: str) -> bool:
    domain = key.rpartition("/")[0]
    if is_below(domain, "node-restriction.kubernetes.io"):
        return True
    is_allowed = is_below(domain, "kubelet.kubernetes.io", "node.kubernetes.io")
    return is_below(domain, "kubernetes.io", "k8s.io") and not is_allowed


def test_the_kubelet_reads_what_the_node_will_have() -> None:
    for template in list_templates():
        labels, taints = kubelet.write(template).text.splitlines()
        pairs = labels.removeprefix("--node-labels=").split(",")
        assert dict(pair.split("=") for pair in pairs) == template.labels
        assert taints.removeprefix("--register-with-taints=").split(",") == list(map(str, TAINTS))
        assert not any(map(is_refused, template.labels))


def test_gfd_writes_no_label_that_is_refused() -> None:
    assert is_refused("kubernetes.io/gpu")
    assert is_refused("node-restriction.kubernetes.io/gpu")
    assert not any(is_refused(f"{prefix}gpu") for prefix in OWN_PREFIXES)
    for domain in ("kubernetes.io", "x.k8s.io", "node-restriction.kubernetes.io"):
        assert explain_prefix(domain)  # so a template of one's own cannot write it either
