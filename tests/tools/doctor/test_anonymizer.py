from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.tools.doctor.anonymizer import Anonymizer

UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
OTHER = "11111111-2222-3333-4444-555555555555"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJnZmQifQ.c2lnbmF0dXJl"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\nabc=\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (f"GPU-{UUID} and GPU-{OTHER}, GPU-{UUID}", "GPU-1 and GPU-2, GPU-1"),
        (f"uuid: MIG-{UUID}", "uuid: MIG-1"),
        (f"MIG-GPU-{UUID}/7/0.", "MIG-1."),
        (f"nvidia.com/gpu.clique={UUID}.7", "nvidia.com/gpu.clique=uuid-1.7"),
        (UUID.replace("-", ""), "uuid-1"),
        ("Serial Number : 1650522003820", "Serial Number : serial-1"),
        ('"serial": "S12-34"', '"serial": "serial-1"'),
        ("board 1650522003820!", "board serial-1!"),
        ("10.1.2.3:6443, 10.1.2.3 10.1.2.4.", "ip-1:6443, ip-1 ip-2."),
        ("[2001:db8::1]:443 fe80::1%eth0 fd00::10.1.2.3 ::ffff:a:b.", "[ip-1]:443 ip-2%eth0 ip-3 ip-4."),
        ("to 2001:db8::", "to ip-1"),
        ("link 52:54:00:12:34:56 up", "link mac-1 up"),
        ("kubeconfig /home/alice/.kube/config", "kubeconfig /home/user-1/.kube/config"),
        ("asked by alice.b@example.com", "asked by mail-1"),
        ("https://api.example.com:6443/x", "https://host-1:6443/x"),
        ("https://alice:pw@api.example.com/x", "https://SECRET@host-1/x"),
        ('nodes "worker" is forbidden; worker', 'nodes "node-1" is forbidden; node-1'),
        (r'"nodes \"alpha\" is forbidden"', r'"nodes \"node-1\" is forbidden"'),
        (r'"{\"token\": \"abc\"}"', r'"{\"token\": \"SECRET\"}"'),
        (
            "HTTPSConnectionPool(host='api.x.example', port=6443)",
            "HTTPSConnectionPool(host='node-1', port=6443)",
        ),
        ("gfd on node w-1 may not change node w-2", "gfd on node node-1 may not change node node-2"),
        ("nodes/worker1.example.com and worker1", "nodes/node-1 and node-1"),
        ("nodefeatures/nvidia-features-for-w1", "nodefeatures/nvidia-features-for-node-1"),
        ('{"node": "alpha", "x": "ALPHA"}', '{"node": "node-1", "x": "node-1"}'),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer SECRET"),
        (f"saw {JWT}", "saw SECRET"),
        ("password=hunter2, api-key: 'abc'", "password=SECRET, api-key: 'SECRET'"),
        ("join abcdef.0123456789abcdef", "join SECRET"),
        (f"key {PEM} end", "key SECRET end"),
        ("client-certificate-data: LS0tLS1CRUdJTiBDRVJU/+x==", "client-certificate-data: SECRET"),
        ("AWS_SECRET_ACCESS_KEY=AKIA/b+c; tokenFile: /x", "AWS_SECRET_ACCESS_KEY=SECRET; tokenFile: SECRET"),
        ("Set-Cookie: session=abc", "Set-Cookie: SECRET"),
        (
            "lookup api.acme.example on 10.0.0.2:53: no such host; api answers",
            "lookup host-1 on ip-1:53: no such host; api answers",
        ),
        (
            "certificate is valid for w1.acme.example, not api.acme.example; w1",
            "certificate is valid for host-1, not host-2; host-1",
        ),
        ("ip-10-1-2-3.eu-west-1.compute.internal, ip-10-1-2-3", "host-1, host-1"),
        ("from gpu7.rack2.corp. gpu7", "from host-1. host-1"),
        ("node=w-17 and w-17.acme.example", "node=node-1 and node-1"),
        ("2026-01-02T03:04:05+0000 w9 gfd[7]: w9", "2026-01-02T03:04:05+0000 host-1 gfd[7]: host-1"),
        ("a\nJan  2 03:04:05 w9 gfd[7]: w9", "a\nJan  2 03:04:05 host-1 gfd[7]: host-1"),
    ],
)
def test_replaced_text(text: str, clean: str) -> None:
    anonymizer = Anonymizer()
    anonymizer.collect_names(text)
    assert anonymizer.anonymize(text) == clean
    # A second run gives the same text, and clean text does not change.
    assert anonymizer.anonymize(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "nvidia.com/gpu.product=A100-PCIE-40GB-MIG-1g.5gb",
        "driver 580.159.04, library 13.580.159.04, python 3.11.7, CUDA 12.4",
        "pci_address: 0000:3b:00.0 at 12:34:56, 2026-01-02T03:04:05Z",
        "127.0.0.1:8080 and [::1]:8080 and :: and 0.0.0.0",
        "is gfd running on this node, with these options? the node has no name here",
        "numa_node: 0\nindex: 0",
        "ok    token         system:serviceaccount:gfd:gfd",
        "may get nodes, list nodes, watch nodes, patch nodes",
        "std::string",
        "https://kubernetes.default.svc:443/api, kubernetes.default.svc.cluster.local; kubernetes 37.0.2",
        "it is not there, not nvidia.com/gpu.count; valid for nvidia.com/gpu; gfd.service is not gfd.timer",
        "nvidia.com/gfd.timestamp=1795564291",
        "1 of 26 labels (nvidia.com/gpu.count)",
        "manifests/overlays/node (ClusterRole gfd)",
    ],
)
def test_unchanged_text(text: str) -> None:
    anonymizer = Anonymizer()
    anonymizer.collect_names(text)
    assert anonymizer.anonymize(text) == text


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "0",
        "a.",
        ":",
        "-",
        "/",
        "eyJ",
        "node ",
        "token",
        "a-",
        "not a.",
        "ip-1",
        "a:",
        "1.",
        '"',
        "ab:12:",
    ],
)
def test_long_lines_are_fast(piece: str) -> None:
    """A pattern that can start at every character would need hours for this line."""
    anonymizer = Anonymizer()
    text = piece * (1 << 16)
    anonymizer.collect_names(f"lookup {text}/")
    anonymizer.anonymize(text)


def test_known_names() -> None:
    anonymizer = Anonymizer(secrets=("s3cr3t", ""))
    anonymizer.add_name("node", "W1.Example.com")
    anonymizer.add_name("GPU", "GPU-7")
    anonymizer.add_name("node", None)
    anonymizer.add_name("node", "a")
    anonymizer.add_name("node", "10.0.0.1")
    anonymizer.add_name("node", "unknown")
    text = "w1 pod-w1-x w12 w1.example.com GPU-7 xs3cr3tx 10.0.0.1 unknown"
    assert anonymizer.anonymize(text) == "node-1 pod-node-1-x w12 node-1 GPU-1 xSECRETx ip-1 unknown"


def test_names_that_are_kept() -> None:
    anonymizer = Anonymizer(keeps_names=True, secrets=("s3cr3t",))
    anonymizer.add_name("node", "w1")
    text = f"w1 GPU-{UUID} 10.0.0.1 s3cr3t token={JWT}"
    assert anonymizer.anonymize(text) == f"w1 GPU-{UUID} 10.0.0.1 SECRET token=SECRET"


@given(st.text(), st.sampled_from(["w-17", "node-a.example.com"]))
def test_a_known_name_is_never_left_as_a_word(text: str, name: str) -> None:
    anonymizer = Anonymizer()
    anonymizer.add_name("node", name)
    clean = anonymizer.anonymize(f"{text} {name} {text}")
    assert f" {name} " not in clean
