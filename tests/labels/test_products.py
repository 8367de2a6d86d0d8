from __future__ import annotations

from itertools import product as combine

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gfd.labels.products import (
    compose_product,
    extract_model,
    extract_profile,
    extract_suffix,
    list_possible_models,
    may_be_same_model,
    shorten_product,
)
from gfd.labels.syntax import check, sanitise, truncate

A100 = "NVIDIA-A100-SXM4-40GB"
SERVER, WORKSTATION, MAX_Q = (
    f"NVIDIA RTX PRO 6000 Blackwell {edition} Edition"
    for edition in ("Server", "Workstation", "Max-Q Workstation")
)
LONG = "NVIDIA Data Centre GPU with a Name of more than Sixty-Three Characters, Mark"
PROFILES = [
    f"{slices}{suffix}"
    for slices in ("1g.24gb", "2g.48gb", "4g.96gb", "1c.2g.48gb", "1c.4g.96gb", "2c.4g.96gb")
    for suffix in ("", ".me", ".me.all", ".gfx", "-me")
]
WORDS = st.text("ABCdef-_. 12", max_size=70)
REST = st.sampled_from([(), ("MIG", "INVALID"), *(("MIG", profile) for profile in PROFILES)])


@pytest.mark.parametrize(
    ("name", "profile", "is_shared", "expected"),
    [
        (MAX_Q, "", False, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition"),
        (MAX_Q, "", True, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-Edition-SHARED"),
        (MAX_Q, "1g.24gb", False, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-MIG-1g.24gb"),
        (MAX_Q, "INVALID", False, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-MIG-INVALID"),
        (MAX_Q, "1g.24gb.gfx", False, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation-MIG-1g.24gb.gfx"),
        (MAX_Q, "1g.24gb", True, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-MIG-1g.24gb-SHARED"),
        (MAX_Q, "1g.24gb.me.all", True, "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-MIG-1g.24gb.me.all-SHARED"),
        (MAX_Q, "1c.2g.48gb.me.all", True, "NVIDIA-RTX-PRO-6000-Blackwell-9015-MIG-1c.2g.48gb.me.all-SHARED"),
        (WORKSTATION, "1g.24gb", False, "NVIDIA-RTX-PRO-6000-Blackwell-Workstation-Edition-MIG-1g.24gb"),
        (WORKSTATION, "1g.24gb.me", False, "NVIDIA-RTX-PRO-6000-Blackwell-Workstation-MIG-1g.24gb.me"),
        (WORKSTATION, "1g.24gb.me.all", True, "NVIDIA-RTX-PRO-6000-Blackwell-MIG-1g.24gb.me.all-SHARED"),
        (SERVER, "1g.24gb.me", False, "NVIDIA-RTX-PRO-6000-Blackwell-Server-Edition-MIG-1g.24gb.me"),
        (SERVER, "1g.24gb.me.all", True, "NVIDIA-RTX-PRO-6000-Blackwell-Server-MIG-1g.24gb.me.all-SHARED"),
    ],
)
def test_only_the_model_is_shortened(name: str, profile: str, is_shared: bool, expected: str) -> None:
    assert compose_product(name, *(("MIG", profile) if profile else ()), is_shared=is_shared) == expected


def test_shortened_products_stay_different() -> None:
    kinds = list(combine((SERVER, WORKSTATION, MAX_Q), ("", "INVALID", *PROFILES), (False, True)))
    found = {
        (name, profile, is_shared): compose_product(
            name, *(("MIG", profile) if profile else ()), is_shared=is_shared
        )
        for name, profile, is_shared in kinds
    }
    assert len(set(found.values())) == len(kinds)
    for (name, profile, is_shared), value in found.items():
        check("nvidia.com/gpu.product", value)
        assert value.endswith("-MIG-" * bool(profile) + profile + "-SHARED" * is_shared)
        assert extract_profile(value) == profile
        assert may_be_same_model(value, compose_product(name))


@pytest.mark.parametrize(
    ("model", "tail", "expected"),
    [
        ("A" * 63, "", "A" * 63),
        ("A" * 64, "", "A" * 58 + "-25ae"),
        ("A" * 64, "-MIG-1g.5gb", "A" * 47 + "-25ae-MIG-1g.5gb"),
        ("Edition", "-" + "x" * 56, "Edition-bdbf"),  # no GPU has such a profile
        ("", "-MIG-" + "x" * 60, "MIG-1b34"),
        ("A" * 13 + "_-Edition", "-MIG-" + "x" * 42 + "_", "A" * 13 + "-MIG-" + "x" * 42),
    ],
)
def test_shortened_products(model: str, tail: str, expected: str) -> None:
    assert shorten_product(model, tail) == expected


@given(WORDS, REST, st.booleans(), st.sampled_from((53, 63)))
def test_products_are_legal_and_keep_their_end(
    name: str, rest: tuple[str, ...], is_shared: bool, length: int
) -> None:
    value = compose_product(name, *rest, is_shared=is_shared, length=length)
    check("nvidia.com/gpu.product", value)
    assert len(value) <= length
    tail = "".join(f"-{part}" for part in rest) + "-SHARED" * (is_shared and bool(name or rest))
    assert value.endswith(tail.lstrip("-"))
    assert shorten_product(extract_model(value), extract_suffix(value), length) == value


@given(WORDS, REST, st.booleans())
def test_a_short_product_does_not_change(name: str, rest: tuple[str, ...], is_shared: bool) -> None:
    parts = [sanitise(part) for part in (name, *rest) if part]
    joined = "-".join([*parts, "SHARED"] if is_shared and parts else parts).strip("-_.")
    assume(len(joined) <= 63)
    assert compose_product(name, *rest, is_shared=is_shared) == truncate(joined)


@given(
    st.text("ABCdef-_. 12", min_size=50, max_size=90), st.sampled_from("XYZ"), st.sampled_from("xyz"), REST
)
def test_models_that_differ_in_two_letters_have_different_products(
    name: str, capital: str, small: str, rest: tuple[str, ...]
) -> None:
    one, other = f"N{name} {capital}{small}", f"N{name} Qq"
    for length in (53, 63):
        assert compose_product(one, *rest, length=length) != compose_product(other, *rest, length=length)


@pytest.mark.parametrize(
    ("product", "model", "profile"),
    [
        ("Tesla-T4", "Tesla-T4", ""),
        ("Tesla-T4-SHARED", "Tesla-T4", ""),
        (f"{A100}-MIG-1g.5gb", A100, "1g.5gb"),
        (f"{A100}-MIG-1c.3g.20gb.me-SHARED", A100, "1c.3g.20gb.me"),
        (f"{A100}-MIG-INVALID", A100, "INVALID"),
        ("MIG-1g.5gb", "MIG-1g.5gb", ""),
        ("", "", ""),
    ],
)
def test_parts_of_a_product(product: str, model: str, profile: str) -> None:
    assert (extract_model(product), extract_profile(product)) == (model, profile)
    assert list_possible_models(product) == (model,)


def test_possible_models_of_a_shortened_product() -> None:
    short = "NVIDIA-RTX-PRO-6000-Blackwell-Max-Q-Workstation"
    assert list_possible_models(f"{short}-MIG-1g.24gb") == (short, f"{short}-Edition")
    assert list_possible_models(f"{short}-Edition") == (f"{short}-Edition",)


def test_shortened_products_may_be_the_same_model() -> None:
    products = [
        compose_product(LONG),
        compose_product(LONG, "MIG", "1g.24gb"),
        compose_product("NVIDIA A100"),
    ]
    assert [may_be_same_model(each, sanitise(LONG)) for each in products] == [True, True, False]
