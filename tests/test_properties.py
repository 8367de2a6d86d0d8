"""Properties of every node, however odd its GPUs."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gfd.config.options import EXTRA_LABELS
from gfd.errors import ConfigError, GfdError, ProbeError
from gfd.inventory import snapshot
from gfd.inventory.model import (
    FactFailure,
    Gpu,
    Inventory,
    MigDevice,
    MigProfile,
    Placement,
    Vgpu,
    is_display_board,
)
from gfd.inventory.profiles import CI_PROFILES, format_mig_profile
from gfd.labels.requirements import NO_PERMISSION
from gfd.labels.resources import resolve
from gfd.labels.sharing import SharedResource, Sharing
from gfd.labels.strategies import STRATEGIES
from gfd.labels.syntax import check
from gfd.labels.templates import Templates
from gfd.probe.gpus import _sort_key
from gfd.publishing.sinks.feature_text import format_expiry, format_labels
from gfd.simulation import machines
from gfd.simulation.mig_devices import CI_SLICES
from tests import make
from tests.any_inventory import any_inventory

if TYPE_CHECKING:
    from gfd.labels.syntax import Labels

TEMPLATES = Templates()
SETTINGS = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

NAMES = st.one_of(
    st.sampled_from(
        (
            *("", " ", "-", "_", "...", "(", "N" * 70, "x" * 62 + " - tail", "NVIDIA\tA100", "a\x85b\u2028c"),
            *(
                "NVIDIA® GPU™",
                "  NVIDIA  two   blanks ",
                "NVIDIA 超 GPU",
                "GPU=1 # comment",
                "\ufffd\x00\x01",
            ),
            "NVIDIA A100-SXM4-40GB",
        )
    ),
    # gfd skips display boards, and hypothesis also tries texts from the source.
    st.text(max_size=80).filter(lambda name: not is_display_board(name)),
)
CODES = st.sampled_from((3, 4, 13, 15, 999))
CI_ENUMS = {slices: enum for enum, slices in reversed(CI_PROFILES.items())}


@cache
def models() -> tuple[Gpu, ...]:
    """One GPU of every model that the built-in machines have."""
    found = [machines.read(name) for name in machines.list_names()]
    gpus = [gpu for inventory in found if inventory.discovery == "nvml" for gpu in inventory.gpus]
    return tuple({(gpu.name, gpu.memory_bytes): gpu for gpu in gpus}.values())


def failure(fact: str, device: str, code: int) -> FactFailure:
    return FactFailure(fact=fact, source="nvmlSomething", device=device, reason="no reason", code=code)


def unread(owner: Any, device: str, facts: tuple[str, ...], code: int) -> Any:
    """Return ``owner`` with ``facts`` that could not be read."""
    failures = (*owner.failures, *(failure(fact, device, code) for fact in facts))
    return owner._replace(failures=failures, **dict.fromkeys(facts))


@st.composite
def mig_devices(draw: st.DrawFn, model: Gpu, *, may_fail: bool) -> tuple[MigDevice, ...]:
    """MIG devices of any profiles of the model, even if they do not fit together."""
    pool = model.profiles if draw(st.booleans()) else model.profiles[:1]
    chosen = draw(st.lists(st.sampled_from(pool), max_size=7))
    indices = sorted(draw(st.lists(st.integers(0, 9), min_size=7, max_size=7, unique=True)))
    return tuple(
        draw(mig_device(model, profile, index, may_fail=may_fail))
        for profile, index in zip(chosen, indices, strict=False)
    )


@st.composite
def mig_device(draw: st.DrawFn, model: Gpu, profile: MigProfile, index: int, *, may_fail: bool) -> MigDevice:
    slices = draw(st.sampled_from((profile.slices, *CI_SLICES[profile.slices])))
    device = MigDevice(
        index=index,
        uuid=f"MIG-{index}",
        gi_id=index + 1,
        ci_id=0,
        placement=Placement(start=index, size=profile.slices),
        profile=format_mig_profile(
            profile.enum, CI_ENUMS[slices], profile.memory_mib, model.memory_bytes or 1
        ),
        gi_slices=profile.slices,
        ci_slices=slices,
        memory_mib=profile.memory_mib,
        multiprocessors=profile.multiprocessors * slices // profile.slices,
        engines=profile.engines,
    )
    facts: tuple[str, ...] = ()
    if may_fail:
        facts = draw(st.sampled_from(((), (), (), (), ("uuid",), ("profile",), ("uuid", "profile"))))
    return unread(device, f"MIG {index}", facts, draw(CODES)) if facts else device


@st.composite
def gpus(draw: st.DrawFn, *, may_fail: bool) -> tuple[Gpu, ...]:
    """GPUs of up to three models in PCI-address order, some in MIG mode."""
    chosen = draw(st.lists(st.tuples(st.sampled_from(models()), st.none() | NAMES), min_size=1, max_size=3))
    kinds = [model._replace(name=model.name if name is None else name) for model, name in chosen]
    found = [draw(gpu(kind, number, may_fail=may_fail)) for number, kind in enumerate(draw(kinds_of(kinds)))]
    return tuple(sorted(found, key=_sort_key))


def kinds_of(kinds: list[Gpu]) -> st.SearchStrategy[list[Gpu]]:
    return st.lists(st.sampled_from(kinds), min_size=1, max_size=6)


@st.composite
def gpu(draw: st.DrawFn, model: Gpu, number: int, *, may_fail: bool) -> Gpu:
    found = model._replace(
        index=number,
        uuid=f"GPU-{number}",
        pci_address=f"{draw(st.sampled_from(('0000', '0001', '10000')))}:{0xC0 - 7 * number:02x}:00.0",
        numa_node=draw(st.none() | st.integers(0, 7)),
        pci_class=draw(st.sampled_from((0x0302, 0x0302, 0x0300, 0x0380, None))),
        compute_capability=draw(st.sampled_from((model.compute_capability,) * 5 + ((0, 0), (0, 7)))),
        memory_bytes=draw(st.sampled_from((model.memory_bytes,) * 4 + (None, 0, 2**20 - 1))),
        brand=draw(st.sampled_from((model.brand, None))),
        fabric=draw(st.none() | st.builds(make.fabric, state=st.integers(0, 3), clique_id=st.integers(0, 2))),
    )
    is_mig_enabled: bool = draw(st.booleans())
    if model.profiles and is_mig_enabled:
        devices = draw(mig_devices(model, may_fail=may_fail))
        found = found._replace(is_mig_enabled=True, mig_devices=devices)
    if may_fail:
        losses = ((), (), (), (), ("uuid",), ("fabric",), ("compute_capability",), ("pci_class", "brand"))
        facts: tuple[str, ...] = draw(st.sampled_from(losses))
        if found.is_mig_enabled and draw(st.integers(0, 5)) == 0:
            facts += ("mig_devices",)
        found = unread(found, f"GPU {number}", facts, draw(CODES))
    return found


@st.composite
def inventories(draw: st.DrawFn, *, may_fail: bool = True) -> Inventory:
    """Inventories that a read can return."""
    found = Inventory(
        driver_version=draw(st.sampled_from(("580.159.04", "460.73", "1.2.3"))),
        cuda_version=draw(st.sampled_from((13000, 12040, 9020))),
        gpus=draw(gpus(may_fail=may_fail)),
        machine_type=draw(st.none() | NAMES),
        vgpu=draw(st.none() | st.builds(Vgpu, is_present=st.just(True), host_driver_version=st.none()))
        if draw(st.booleans())
        else Vgpu(is_present=True, host_driver_version=draw(NAMES), host_driver_branch=draw(NAMES)),
    )
    if may_fail:
        found = found._replace(driver_version=draw(st.sampled_from((found.driver_version,) * 5 + ("580",))))
        losses = ((), (), (), (), (), ("driver_version",), ("cuda_version",), ("machine_type", "vgpu"))
        found = unread(found, "", draw(st.sampled_from(losses)), draw(CODES))
    return found


@st.composite
def sharings(draw: st.DrawFn) -> Sharing:
    strategy = draw(st.sampled_from(("none", "time-slicing", "time-slicing", "mps")))
    if strategy == "none":
        return Sharing()
    names = ("nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "nvidia.com/mig-1g.10gb", "nvidia.com/mig-1c.3g.20gb")
    resources = [
        SharedResource(name=name, replicas=draw(st.integers(2, 9)))
        for name in draw(st.lists(st.sampled_from(names), max_size=4))
    ]
    return Sharing(strategy=strategy, resources=tuple(resources), is_renamed=draw(st.booleans()))


MIG_STRATEGIES = st.sampled_from(tuple(STRATEGIES))


def label(inventory: Inventory, strategy: str, sharing: Sharing, extra: tuple[str, ...] = ()) -> Labels:
    node = resolve(inventory, mig_strategy=strategy, sharing=sharing, timestamp=1)
    return TEMPLATES.render(node, inventory, extra)


def outcome(inventory: Inventory, strategy: str, sharing: Sharing) -> Labels | type[GfdError]:
    """Return the labels, or the kind of error; its text names GPUs by NVML's index, which may differ."""
    try:
        return label(inventory, strategy, sharing)
    except GfdError as error:
        return type(error)


def parse_as_nfd(text: str) -> dict[str, str]:
    """Return the labels of a feature file, as Node Feature Discovery's local source reads it."""
    labels = {}
    for raw in text.split("\n"):
        line = raw.strip()
        if line and not line.startswith("#"):
            key, equals, value = line.partition("=")
            labels[key] = value if equals else "true"
    return labels


@SETTINGS
@given(inventories(), MIG_STRATEGIES, sharings(), st.sampled_from(((), EXTRA_LABELS)))
def test_labels_are_always_legal(
    inventory: Inventory, strategy: str, sharing: Sharing, extra: tuple[str, ...]
) -> None:
    try:
        node = resolve(inventory, mig_strategy=strategy, sharing=sharing)
    except (ProbeError, ConfigError):
        return
    labels = TEMPLATES.render(node, inventory, extra)
    assert labels
    for key, value in labels.items():
        check(key, value)


@SETTINGS
@given(inventories(may_fail=False), MIG_STRATEGIES, sharings())
def test_a_complete_inventory_has_labels(inventory: Inventory, strategy: str, sharing: Sharing) -> None:
    has_mig = any(gpu.is_mig_enabled for gpu in inventory.gpus)
    expected = ConfigError if sharing.strategy == "mps" and has_mig else dict
    found = outcome(inventory, strategy, sharing)
    assert (found if isinstance(found, type) else dict) is expected


@SETTINGS
@given(inventories(), MIG_STRATEGIES, sharings(), st.data())
def test_the_order_of_enumeration_never_matters(
    inventory: Inventory, strategy: str, sharing: Sharing, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(inventory.gpus))
    renumbered = [gpu._replace(index=index) for index, gpu in enumerate(shuffled)]
    again = inventory._replace(gpus=tuple(sorted(renumbered, key=_sort_key)))
    assert outcome(again, strategy, sharing) == outcome(inventory, strategy, sharing)


@SETTINGS
@given(inventories(), MIG_STRATEGIES, sharings())
def test_a_snapshot_has_the_same_labels(inventory: Inventory, strategy: str, sharing: Sharing) -> None:
    again = snapshot.parse_inventory(snapshot.to_json(inventory), "x")
    assert again == inventory
    assert outcome(again, strategy, sharing) == outcome(inventory, strategy, sharing)


@SETTINGS
@given(inventories())
@example(make.inventory(make.gpu(name="a\x85b\u2028c\ufeff\x7f\U0001f600")))
def test_a_snapshot_in_yaml_has_the_same_labels(inventory: Inventory) -> None:
    again = snapshot.parse_inventory(snapshot.to_yaml(inventory), "x")
    assert again == inventory
    assert outcome(again, "none", Sharing()) == outcome(inventory, "none", Sharing())


@SETTINGS
@given(inventories(may_fail=False), MIG_STRATEGIES, st.booleans())
def test_nfd_reads_the_same_labels_from_the_feature_file(
    inventory: Inventory, strategy: str, has_expiry: bool
) -> None:
    labels = label(inventory, strategy, Sharing(), EXTRA_LABELS)
    head = format_expiry(1_700_000_000) if has_expiry else ""
    text = head + format_labels(labels)
    assert parse_as_nfd(text) == labels
    assert len(text.encode()) <= 65_536


@SETTINGS
@given(any_inventory(), MIG_STRATEGIES, sharings())
@example(Inventory(gpus=(Gpu(index=0, name="x"),)), "none", Sharing())
@example(make.inventory(make.gpu(compute_capability=None)), "none", Sharing())
@example(make.inventory(make.mig_gpu(mig_devices=None)), "mixed", Sharing())
@example(make.inventory(make.mig_gpu(mig_devices=(MigDevice(index=0),))), "mixed", Sharing())
@example(make.inventory(make.mig_gpu(mig_devices=(MigDevice(index=0),))), "single", Sharing())
@example(make.inventory(make.gpu(), driver_version=None), "none", Sharing())
@example(make.inventory(make.gpu(), cuda_version=None), "none", Sharing())
def test_any_inventory_has_labels_or_a_gfd_error(
    inventory: Inventory, strategy: str, sharing: Sharing
) -> None:
    """A snapshot can contain what no read returns: missing facts without a reason, odd profiles."""
    try:
        node = resolve(inventory, mig_strategy=strategy, sharing=sharing)
    except GfdError:
        return
    try:
        labels = TEMPLATES.render(node, inventory)
    except GfdError:
        return
    for key, value in labels.items():
        check(key, value)


@SETTINGS
@given(inventories(may_fail=False), CODES, st.data())
def test_none_ignores_unreadable_mig_devices(inventory: Inventory, code: int, data: st.DataObject) -> None:
    def damage(gpu: Gpu) -> Gpu:
        if not gpu.is_mig_enabled:
            return gpu
        facts = data.draw(st.sampled_from((None, ("profile",), ("uuid", "profile", "memory_mib", "engines"))))
        if facts is None:
            return unread(gpu, f"GPU {gpu.index}", ("mig_devices",), code)  # type: ignore[no-any-return]
        devices = tuple(unread(device, "MIG", facts, code) for device in gpu.mig_devices or ())
        return gpu._replace(mig_devices=devices)

    damaged = inventory._replace(gpus=tuple(damage(gpu) for gpu in inventory.gpus))
    assert outcome(damaged, "none", Sharing()) == outcome(inventory, "none", Sharing())


@SETTINGS
@given(inventories(may_fail=False), CODES, st.sampled_from(("single", "mixed")))
def test_single_and_mixed_leave_out_a_gpu_with_an_unreadable_mig_device(
    inventory: Inventory, code: int, strategy: str
) -> None:
    healthy = outcome(inventory, strategy, Sharing())
    enabled = [gpu for gpu in inventory.gpus if gpu.is_mig_enabled and gpu.mig_devices]
    for gpu in enabled[-1:]:
        *others, last = gpu.mig_devices or ()
        broken = gpu._replace(mig_devices=(*others, unread(last, "MIG", ("profile",), code)))
        damaged = inventory._replace(gpus=tuple(broken if g is gpu else g for g in inventory.gpus))
        rest = inventory._replace(gpus=tuple(g for g in inventory.gpus if g is not gpu))
        # Without the permission to see MIG, or without the memory, the GPU itself is not at fault.
        is_unseen = code == NO_PERMISSION or not gpu.memory_bytes
        without = ProbeError if is_unseen or not rest.gpus else outcome(rest, strategy, Sharing())
        # single is invalid without a look at the MIG devices if some GPU has none.
        is_invalid = strategy == "single" and (
            any(not g.mig_devices for g in inventory.gpus if g.is_mig_enabled)
            or any(not g.is_mig_enabled for g in inventory.gpus)
        )
        assert outcome(damaged, strategy, Sharing()) == (healthy if is_invalid else without)
