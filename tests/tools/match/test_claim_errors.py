"""What gfd match says about claims that cannot be judged or are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.clusterview.dra.objects import make_gpu, make_slice
from tests.tools.match.claim_files import (
    by_claim,
    by_template,
    claim,
    exactly,
    pod,
    template,
    write_cluster,
    write_pods,
)
from tests.tools.match.command import Gfd, listed, node

DRA = ("--simulate=dgx-h100", "--allocation=dra")
TEMPLATE = """\
apiVersion: resource.k8s.io/v1
kind: ResourceClaimTemplate
metadata: {name: t}
spec:
  spec:
    devices:
      requests:
      - name: gpu
        exactly:
          deviceClassName: gpu.nvidia.com
          selectors:
"""


@pytest.mark.parametrize(
    ("selector", "place"),
    [
        ("          - cel: {expression: device.drive == 'a'}\n", "12:37: "),
        ("          - cel: {expression: \"device.drive == 'a'\"}\n", "12:38: "),
        ("          - cel:\n              expression: device.drive == 'a'\n", "13:33: "),
        ("          - cel:\n              expression: |-\n                device.drive == 'a'\n", "14:23: "),
        (
            (
                "          - cel:\n              expression: |\n                // the driver\n\n"
                "                true &&\n                device.drive == 'a'\n"
            ),
            "17:23: ",
        ),
        ("          - cel: {expression: \"\\x64evice.drive == 'a'\"}\n", "12: "),
    ],
)
def test_cel_that_does_not_compile(gfd: Gfd, tmp_path: Path, selector: str, place: str) -> None:
    file = tmp_path / "pods.yaml"
    file.write_text(f"{TEMPLATE}{selector}---\n{json.dumps(pod('p', by_template('t')))}\n")
    code, out, err = gfd("match", str(file), *DRA)
    assert (code, out) == (1, "")
    assert err.startswith(
        f"gfd: {file}:{place}spec.spec.devices.requests[0].exactly.selectors[0].cel.expression: is not valid"
        " CEL: undefined field 'drive'"
    )
    assert ("of the expression)" in err) == place.startswith("12: ")


def test_a_device_class_that_is_nowhere(gfd: Gfd, tmp_path: Path) -> None:
    wrong = template("t", exactly(deviceClassName="gpus.nvidia.com"))
    file = write_pods(tmp_path, wrong, pod("p", by_template("t")))
    code, out, _ = gfd("match", file, *DRA)
    assert code == 1
    assert (
        "DeviceClass gpus.nvidia.com  none of this name; create it, or name another: did you mean"
        " gpu.nvidia.com? known are gpu.nvidia.com, mig.nvidia.com, vfio.gpu.nvidia.com\n"
    ) in out


@pytest.mark.parametrize(
    ("named", "title"), [(by_template("a"), "ResourceClaimTemplate"), (by_claim("a"), "ResourceClaim")]
)
def test_what_the_pod_names_is_nowhere(gfd: Gfd, tmp_path: Path, named: dict[str, str], title: str) -> None:
    file = write_pods(tmp_path, pod("p", named))
    code, out, _ = gfd("match", file, *DRA)
    assert code == 3
    assert (
        f"not judged: resourceClaims: the {title} a of gpu is unknown: a simulated cluster has none; write it"
        " into one of the files\n"
    ) in out
    other, foreign = template("b", exactly()), claim("b", exactly())
    cluster = write_cluster(tmp_path, other, foreign)
    code, out, _ = gfd("match", file, "--nodes", cluster)
    assert code == 1
    assert f"{title} a  not in the namespace default; apply it, or " in out


def test_a_template_of_another_namespace(gfd: Gfd, tmp_path: Path) -> None:
    other = template("t", exactly())
    other["metadata"]["namespace"] = "team"
    file = write_pods(tmp_path, pod("p", by_template("t")))
    _, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path, other))
    assert "it is in the namespace team, and the pod in default; move one of them" in out


def test_a_file_of_nodes_only(gfd: Gfd, tmp_path: Path) -> None:
    nodes = listed(tmp_path / "nodes.json", node("a", gpus=0))
    file = write_pods(tmp_path, template("t", exactly()), pod("p", by_template("t")))
    code, out, _ = gfd("match", file, "--nodes", nodes)
    assert code == 3
    assert (
        f"not judged: resourceClaims: it is unknown which nodes have the devices for gpu: {nodes} has no"
        " ResourceSlices; make it with kubectl get"
        " nodes,resourceslices,resourceclaims,resourceclaimtemplates,deviceclasses -A -o json\n"
    ) in out


def test_a_file_without_device_classes(gfd: Gfd, tmp_path: Path) -> None:
    nodes = listed(tmp_path / "nodes.json", node("a", gpus=0), make_slice("a", make_gpu(0)))
    file = write_pods(tmp_path, template("t", exactly()), pod("p", by_template("t")))
    code, out, _ = gfd("match", file, "--nodes", nodes)
    assert code == 3
    assert f"the DeviceClass gpu.nvidia.com is unknown: {nodes} has no DeviceClasses; make it with" in out


@pytest.mark.parametrize("mode", [{}, {"allocationMode": "All", "count": 0}])
def test_half_of_the_slices(gfd: Gfd, tmp_path: Path, mode: dict[str, Any]) -> None:
    half = make_slice("b", make_gpu(0), count=2)
    file = write_pods(tmp_path, template("t", exactly(**mode)), pod("p", by_template("t")))
    cluster = write_cluster(tmp_path, node("b", gpus=0), half, nodes=())
    code, out, _ = gfd("match", file, "--nodes", cluster)
    assert code == 1
    assert "the pool b of gpu.nvidia.com" in out
    assert "1 of 2 ResourceSlices are there" in out


def test_slices_of_a_driver_that_gfd_does_not_know(gfd: Gfd, tmp_path: Path) -> None:
    foreign = make_slice("b", {"name": "port-0", "attributes": {"speed": {"int": 100}}}, driver="net.example")
    net = {
        "apiVersion": "resource.k8s.io/v1",
        "kind": "DeviceClass",
        "metadata": {"name": "net"},
        "spec": {"selectors": [{"cel": {"expression": "device.driver == 'net.example'"}}]},
    }
    wish = "device.attributes['net.example'].speed >= 100"
    file = write_pods(
        tmp_path, net, template("t", exactly(1, wish, deviceClassName="net")), pod("p", by_template("t"))
    )
    cluster = write_cluster(tmp_path, node("b", gpus=0), foreign)
    code, out, _ = gfd("match", file, "--nodes", cluster)
    assert code == 0
    assert "claim gpu: 1 net  1 of 1 device free" in out


def test_a_simulated_machine_with_the_device_plugin(gfd: Gfd, tmp_path: Path) -> None:
    file = write_pods(tmp_path, template("t", exactly()), pod("p", by_template("t")))
    code, out, _ = gfd("match", file, "--simulate=dgx-h100")
    assert code == 1
    assert "devices of dgx-h100: no ResourceSlices; add --allocation dra to simulate them\n" in out


def test_a_claim_that_is_being_deleted(gfd: Gfd, tmp_path: Path) -> None:
    gone = claim("mine", exactly())
    gone["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z"
    file = write_pods(tmp_path, pod("p", by_claim("mine")))
    code, out, _ = gfd("match", file, "--nodes", write_cluster(tmp_path, gone))
    assert code == 1
    assert "ResourceClaim mine  it is being deleted; wait, and create it again\n" in out


def test_what_a_claim_has_but_gfd_cannot_judge(gfd: Gfd, tmp_path: Path) -> None:
    derived = [{"name": "a.example/b", "expression": "1"}]
    wish = template("t", exactly(adminAccess=True, derivedAttributes=derived))
    code, out, _ = gfd("match", write_pods(tmp_path, wish, pod("p", by_template("t"))), *DRA)
    assert code == 3
    assert (
        "not judged: resourceClaims: derivedAttributes: gfd does not compute those of the request gpu\n"
        in out
    )
    assert (
        "not judged: resourceClaims: adminAccess: the API server accepts the request gpu only in a namespace"
        " with the label resource.kubernetes.io/admin-access=true\n"
    ) in out


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metadata": {}}, "has no metadata.name"),
        ({"metadata": 5}, "has a field metadata that is not a mapping"),
        ({"spec": []}, "has a field spec that is not a mapping"),
        (
            {"apiVersion": "resource.k8s.io/v1beta1"},
            "has the apiVersion resource.k8s.io/v1beta1; gfd reads resource.k8s.io/v1, which kubectl get",
        ),
    ],
)
@pytest.mark.parametrize("kind", ["DeviceClass", "ResourceClaimTemplate", "ResourceClaim"])
def test_malformed_objects_of_a_cluster(
    gfd: Gfd, tmp_path: Path, kind: str, change: dict[str, Any], said: str
) -> None:
    whole = {"apiVersion": "resource.k8s.io/v1", "kind": kind, "metadata": {"name": "x"}, "spec": {}}
    file = write_pods(tmp_path, template("t", exactly()), pod("p", by_template("t")))
    code, _, err = gfd("match", file, "--nodes", write_cluster(tmp_path, whole | change))
    assert code == 1
    assert kind in err
    assert said in err


@pytest.mark.parametrize(
    ("selectors", "said"),
    [
        (5, "DeviceClass gpu.nvidia.com: spec.selectors: expected a list, found the number 5; update gfd"),
        ([{"wasm": {}}], "spec.selectors[0].cel: is missing"),
        (
            [{"cel": {"expression": "device.driver =="}}],
            "resourceClaims: gfd cannot read the CEL of DeviceClass gpu.nvidia.com: ",
        ),
    ],
)
def test_objects_of_a_later_kubernetes(gfd: Gfd, tmp_path: Path, selectors: Any, said: str) -> None:
    cluster = Path(write_cluster(tmp_path))
    content = json.loads(cluster.read_text())
    (found,) = (each for each in content["items"] if each["metadata"]["name"] == "gpu.nvidia.com")
    found["spec"]["selectors"] = selectors
    cluster.write_text(json.dumps(content))
    file = write_pods(tmp_path, template("t", exactly()), pod("p", by_template("t")))
    code, out, _ = gfd("match", file, "--nodes", str(cluster))
    assert code == 3
    assert said in out
