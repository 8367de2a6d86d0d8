"""Queries on generated clusters; tests/cluster asks the real scheduler."""

from __future__ import annotations

import re
from dataclasses import replace
from operator import ge, lt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.clusterview.nodes import Node, read_node
from gfd.labels.products import compose_product
from gfd.labels.syntax import check
from gfd.tools.select.criteria import choose_keys
from gfd.tools.select.manifest import build_spec
from gfd.tools.select.product_names import contains_model, find_products, matches_product
from gfd.tools.select.query import DeviceQuery
from gfd.tools.select.selection import select
from tests.tools.make import gpu_labels, node

pytestmark = pytest.mark.whole

A100, T4 = "NVIDIA-A100-SXM4-40GB", "Tesla-T4"
MAX_Q = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q"
LONG = "NVIDIA Data Centre GPU with a Name of more than Sixty-Three Characters"
PROFILES = ("1g.5gb", "3g.20gb")


FAMILIES = {A100: "ampere", "A100-PCIE-40GB": "ampere", "NVIDIA-A10": "ampere", T4: "turing"}


@st.composite
def gpu_nodes(draw: st.DrawFn) -> dict[str, Any]:
    """Return the hardware of a node."""
    return {
        "model": draw(st.sampled_from(sorted(FAMILIES))),
        "strategy": draw(st.sampled_from(["none", "single", "mixed"])),
        "profile": draw(st.sampled_from([*PROFILES, ""])),
        "memory": draw(st.sampled_from([40960, 40536, 15360])),
        "compute": draw(st.tuples(st.sampled_from([7, 8, 9]), st.sampled_from([0, 5, 9]))),
        "driver": draw(
            st.tuples(st.sampled_from([535, 550]), st.sampled_from([5, 54]), st.sampled_from(["", "03"]))
        ),
        "is_old": draw(st.booleans()),
        "sharing": draw(st.sampled_from(["none", "time-slicing", "mps"])),
        "is_renamed": draw(st.booleans()),
        "offers": draw(st.sampled_from([0, 1, 2])),
        "taint": draw(st.sampled_from(["", "nvidia.com/gpu", "dedicated"])),
    }


def made(name: str, is_: dict[str, Any]) -> Node:
    """Return the Node as gfd labels it and the device plugin offers its devices.

    An old node has labels of versions that knew neither the new names of versions nor the way of sharing.
    """
    is_single = is_["strategy"] == "single" and is_["profile"]
    is_mixed = is_["strategy"] == "mixed" and is_["profile"]
    is_shared = is_["sharing"] != "none"
    is_renamed = is_shared and is_["is_renamed"] and not is_["is_old"]
    marked = "-SHARED" if is_shared and not is_renamed else ""
    part = f"{is_['model']}-MIG-{is_['profile']}{marked}"
    major, minor, revision = is_["driver"]
    labels = gpu_labels(
        part if is_single else is_["model"] + ("" if is_mixed else marked),
        2,
        gpu_memory="4864" if is_single else str(is_["memory"]),
        gpu_family=FAMILIES[is_["model"]],
        gpu_compute_major=str(is_["compute"][0]),
        gpu_compute_minor=str(is_["compute"][1]),
        gpu_sharing__strategy="none" if is_mixed else is_["sharing"],
        cuda_driver_major=str(major),
        cuda_driver_minor=f"{minor:02}",
        cuda_driver_rev=revision,
        cuda_driver__version_major=str(major),
        cuda_driver__version_minor=f"{minor:02}",
        cuda_driver__version_revision=revision,
        **({"gpu_slices_gi": "1"} if is_single else {}),
    )
    resource = "gpu"
    if is_mixed:
        resource = f"mig-{is_['profile']}"
        own = {"count": "2", "product": part, "memory": "4864", "sharing-strategy": is_["sharing"]}
        labels |= {f"nvidia.com/{resource}.{key}": value for key, value in own.items()}
    if is_["is_old"]:
        labels = {key: labels[key] for key in labels if "-version" not in key and "-strategy" not in key}
    if is_renamed:
        resource += ".shared"
    taints = [{"key": is_["taint"], "effect": "NoSchedule"}] if is_["taint"] else []
    return read_node(node(name, labels, {resource: is_["offers"]}, taints=taints))


def some(*texts: str) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(texts), max_size=2).map(tuple)


QUERIES = st.builds(
    DeviceQuery,
    products=some("A100", "a10", "T4", "H100"),
    families=some("ampere", "turing", "hopper"),
    mig_profiles=some(*PROFILES),
    mig_memory=st.sampled_from([(), (), (">=10GB",)]),
    memory=st.sampled_from([(), (">=4864Mi",), (">=40Gi",), ("40GB",)]),
    compute=st.sampled_from([(), (">=8.0",), (">=8.5",)]),
    driver=st.sampled_from([(), ("<550.54.3",), (">=550.5", "<551")]),
    gpus_per_node=st.sampled_from([0, 0, 2, 3]),
    is_shared=st.booleans(),
    is_exclusive=st.booleans(),
    count=st.sampled_from([1, 2]),
).filter(lambda query: not (query.is_exclusive and (query.is_mig or query.is_shared)))


def is_meant(query: DeviceQuery, is_: dict[str, Any]) -> bool:
    """Return whether a node has the device, by its hardware and not by its labels."""
    profile = is_["profile"] if is_["strategy"] != "none" else ""
    is_part_of_node = is_["strategy"] == "single" and profile
    if query.is_shared != (is_["sharing"] != "none"):
        return False
    if query.is_mig:
        if not profile or (query.mig_profiles and profile not in query.mig_profiles):
            return False
        if query.mig_memory and profile != "3g.20gb":
            return False
    elif profile:
        names_whole = query.products or query.families or query.gpus_per_node or query.is_exclusive
        if names_whole or is_["strategy"] == "mixed":
            return False
    words = re.findall("[0-9a-z]+", is_["model"].lower())
    if query.products and not {text.lower() for text in query.products} & set(words):
        return False
    if query.families and FAMILIES[is_["model"]] not in query.families:
        return False
    # No label counts the GPUs of a node with the strategy single.
    if query.gpus_per_node and (query.gpus_per_node > 2 or is_part_of_node):
        return False
    memory = 4864 if profile else is_["memory"]
    major, minor, revision = is_["driver"]
    driver = (major, minor, int(revision or 0))
    least = {(): 0, (">=4864Mi",): 4864, (">=40Gi",): 40960, ("40GB",): 36865}[query.memory]
    return (
        memory >= least
        and (not query.compute or ge(is_["compute"], {">=8.0": (8, 0), ">=8.5": (8, 5)}[query.compute[0]]))
        and (query.driver != ("<550.54.3",) or lt(driver, (550, 54, 3)))
        and (query.driver != (">=550.5", "<551") or (driver[:2] >= (550, 5) and major < 551))
        and is_["offers"] >= query.count
        and is_["taint"] != "dedicated"
    )


@given(st.lists(gpu_nodes(), max_size=6), QUERIES)
def test_the_selected_nodes_have_the_device(cluster: list[dict[str, Any]], query: DeviceQuery) -> None:
    if query == DeviceQuery(count=query.count):
        query = replace(query, products=("A100",))
    nodes = [made(f"n{number}", is_) for number, is_ in enumerate(cluster)]
    selection = select(query, nodes)
    taken = sorted({each.name for variant in selection.variants for each in variant.nodes})
    assert taken == [f"n{number}" for number, is_ in enumerate(cluster) if is_meant(query, is_)]
    for variant in selection.variants:
        for need in (need for term in variant.terms for need in term):
            for value in need.values:
                check(need.key, value)
        # A pod that requests what is printed fits, by labels, taints and devices, nowhere else.
        spec = build_spec(variant, query.count)
        assert sorted(each.name for each in nodes if accepts(spec, each)) == sorted(
            each.name for each in variant.nodes
        )


def accepts(spec: dict[str, Any], found: Node) -> bool:
    """Return whether an empty node takes a pod, as Kubernetes documents it."""
    selector = spec.get("nodeSelector", {})
    affinity = spec.get("affinity", {}).get("nodeAffinity", {})
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution", {})
    terms = required.get("nodeSelectorTerms", [{"matchExpressions": []}])
    tolerated = {(each["key"], each["effect"]) for each in spec.get("tolerations", ())}
    (container,) = spec["containers"]
    return (
        all(found.labels.get(key) == value for key, value in selector.items())
        and any(all(holds(need, found) for need in term["matchExpressions"]) for term in terms)
        and all((taint.key, taint.effect) in tolerated for taint in found.taints)
        and all(
            found.allocatable.get(name, 0) >= count
            for name, count in container["resources"]["limits"].items()
        )
    )


def holds(need: dict[str, Any], found: Node) -> bool:
    value = found.labels.get(need["key"])
    if need["operator"] in {"NotIn", "DoesNotExist"}:
        return value is None or value not in need.get("values", [value])
    if value is None:
        return False
    if need["operator"] in {"Gt", "Lt"}:
        (bound,) = map(int, need["values"])
        is_number = bool(re.fullmatch(r"[0-9]+", value))
        return is_number and (int(value) > bound if need["operator"] == "Gt" else int(value) < bound)
    return need["operator"] == "Exists" or value in need["values"]


@pytest.mark.parametrize(
    ("product", "text", "is_one"),
    [
        (A100, "A100", True),
        (A100, "a100-sxm", True),
        (A100, "A10", False),
        (A100, "40GB", True),
        (A100, "0GB", False),
        (A100, "40", False),
        ("NVIDIA-L40S", "L40", False),
        ("NVIDIA-L40S", "L40S", True),
        ("NVIDIA-A10G", "A10", False),
        ("NVIDIA-A10", "A10", True),
        (f"{A100}-MIG-1g.5gb", "A100", True),
        ("A.00", "A100", False),
        ("", "A100", False),
    ],
)
def test_a_part_of_a_model_number_is_another_model(product: str, text: str, is_one: bool) -> None:
    assert contains_model(product, text) is is_one


@pytest.mark.parametrize(
    ("text", "product", "is_one"),
    [
        ("NVIDIA A100-SXM4-40GB", A100, True),
        (f"{MAX_Q}-Workstation-Edition", f"{MAX_Q}-Workstation-MIG-1g.24gb", True),
        ("NVIDIA RTX PRO 6000 Blackwell Max-Q Workstation Edition", f"{MAX_Q}-MIG-1g.24gb-SHARED", True),
        ("Workstation Edition", f"{MAX_Q}-MIG-1g.24gb-SHARED", True),
        (f"{MAX_Q}-Workstation-Edition-MIG-1g.24gb", f"{MAX_Q}-Workstation-MIG-1g.24gb", True),
        (f"{MAX_Q}-Workstation-Edition-MIG-1g.24gb", f"{MAX_Q}-Workstation-MIG-2g.48gb", False),
        ("Server Edition", f"{MAX_Q}-MIG-1g.24gb-SHARED", False),
        ("Edition", A100, False),
        (LONG, compose_product(LONG, "MIG", "1g.24gb"), True),
        (f"{LONG}s", compose_product(LONG, "MIG", "1g.24gb"), False),
    ],
)
def test_a_shortened_product_is_found_by_its_whole_name(text: str, product: str, is_one: bool) -> None:
    assert matches_product(text, product) is is_one


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A100", {A100, "NVIDIA-A100-80GB-PCIe"}),
        ("A100 80GB", {"NVIDIA-A100-80GB-PCIe"}),
        ("a100 40gb", {A100}),
        ("A100 PCIe", {"NVIDIA-A100-80GB-PCIe"}),
        ("NVIDIA T4", {T4}),
        ("nvidia-tesla-t4", {T4}),
        ("nvidia-h100-80gb", {"NVIDIA-H100-80GB-HBM3"}),
        ("g5.xlarge", {"NVIDIA-A10G"}),
        ("P5.48xlarge", {"NVIDIA-H100-80GB-HBM3"}),
        ("A10", set()),
        ("GPU", set()),
        ("H100 SXM", set()),
    ],
)
def test_products_as_people_say_them(text: str, found: set[str]) -> None:
    known = {A100, "NVIDIA-A100-80GB-PCIe", T4, "NVIDIA-A10G", "NVIDIA-H100-80GB-HBM3", ""}
    assert find_products(text, known) == found


def test_old_labels_are_used_if_a_node_has_no_new_ones() -> None:
    new, old = ("new.major", "new.minor"), ("old.major", "old.minor")
    both, former = (
        Node(name="a", labels={new[0]: "1", old[0]: "1"}),
        Node(name="b", labels={old[0]: "1"}),
    )
    assert choose_keys([], new, old) == new
    assert choose_keys([both, Node(name="c")], new, old) == new
    assert choose_keys([both, former], new, old) == old
