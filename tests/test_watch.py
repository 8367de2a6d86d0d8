"""When a labelling or a reload comes due, and what of a node's file system tells that."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd import config, watch
from gfd.probe.library import LIBRARY
from gfd.watch import BURST_S, IDLE_S, LIMIT_S, QUIET_S, Change, Watch

NOTHING = Change(0)
TICK_S = 1 / 64
"""Exact in binary, so that sums of it are, too."""


class World:
    """Hardware and configuration that change when a test says so, and a clock that goes on when it does."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.hardware = 0
        self.configuration = 0
        self.watch = Watch(lambda: {"gpu": self.hardware}, lambda: {"file": self.configuration})

    def poll(self, after_s: float) -> Change:
        self.now_s += after_s
        return self.watch.poll(self.now_s)

    def wait(self) -> Change:
        """Poll when the watch asks for it."""
        return self.poll(self.watch.wait_s)

    def due_after(self, limit_s: float = 30) -> tuple[Change, float]:
        """Return what comes due first, and how much later."""
        started_s = self.now_s
        while self.now_s < started_s + limit_s:
            if due := self.wait():
                return due, self.now_s - started_s
        return NOTHING, self.now_s - started_s

    def read(self, *, changes: bool = False, takes_s: float = 0.3) -> bool:
        self.watch.begin_reading(self.now_s)
        self.now_s += takes_s
        self.hardware += changes
        return self.watch.end_reading(self.now_s)


def test_nothing_is_due_for_what_was_there_before() -> None:
    assert World().due_after()[0] == NOTHING


@pytest.mark.parametrize("kind", list(Change))
def test_a_single_change_is_due_once_and_in_time(kind: Change) -> None:
    world = World()
    world.hardware += kind is Change.HARDWARE
    world.configuration += kind is Change.CONFIGURATION
    assert world.due_after() == (kind, IDLE_S + QUIET_S)
    assert IDLE_S + QUIET_S + 0.3 < 2
    assert world.due_after()[0] == NOTHING


def test_both_may_be_due_at_once() -> None:
    world = World()
    world.hardware += 1
    world.configuration += 1
    assert world.due_after()[0] == Change.HARDWARE | Change.CONFIGURATION


def test_a_burst_is_polled_faster_and_leaves_the_hardware_unsettled() -> None:
    world = World()
    assert (world.watch.wait_s, world.watch.is_settled) == (IDLE_S, True)
    world.hardware += 1
    assert world.wait() == NOTHING
    assert (world.watch.wait_s, world.watch.is_settled) == (BURST_S, False)
    world.due_after()
    assert (world.watch.wait_s, world.watch.is_settled) == (IDLE_S, True)


def test_a_changing_configuration_leaves_the_hardware_settled() -> None:
    world = World()
    world.configuration += 1
    world.wait()
    assert (world.watch.wait_s, world.watch.is_settled) == (BURST_S, True)


def test_the_last_wait_ends_when_the_answer_is_due() -> None:
    world = World()
    world.hardware += 1
    world.wait()
    world.poll(0.375)
    assert world.watch.wait_s == QUIET_S - 0.375


def test_polling_late_is_no_harm() -> None:
    world = World()
    world.hardware += 1
    world.poll(100)
    assert world.poll(100) == Change.HARDWARE


def test_a_clean_reading_is_published_and_asks_for_nothing() -> None:
    world = World()
    world.hardware += 1
    world.due_after()
    assert world.read()
    assert world.due_after()[0] == NOTHING


def test_a_torn_reading_is_not_published_and_done_again() -> None:
    world = World()
    assert not world.read(changes=True)
    assert not world.watch.is_settled
    assert world.due_after() == (Change.HARDWARE, QUIET_S)
    assert world.read()


def test_readings_that_change_the_hardware_themselves_are_published_in_the_end() -> None:
    world = World()
    published = []
    for _ in range(3):
        published.append(world.read(changes=True))
        due = world.due_after()[0]
    assert published == [False, False, True]
    assert due == NOTHING


def test_the_hardware_that_changes_back_during_a_reading_is_not_torn() -> None:
    world = World()
    world.watch.begin_reading(0)
    world.hardware += 1
    assert world.poll(0.2) == NOTHING
    assert world.watch.wait_s == IDLE_S
    world.hardware -= 1
    assert world.watch.end_reading(0.3)


def test_a_reload_comes_due_during_a_reading() -> None:
    world = World()
    world.hardware += 1
    world.wait()
    world.watch.begin_reading(world.now_s)
    world.configuration += 1
    due, after_s = world.due_after()
    assert due == Change.CONFIGURATION
    assert after_s <= IDLE_S + QUIET_S
    assert world.watch.end_reading(world.now_s)
    assert world.due_after() == (Change.HARDWARE, 0)


def test_what_changed_just_before_a_reading_is_read_once_more_when_settled() -> None:
    world = World()
    world.hardware += 1
    assert world.read()
    assert not world.watch.is_settled
    assert world.due_after()[0] == Change.HARDWARE


def test_a_late_answer_is_published_though_torn_and_followed_by_another() -> None:
    world = World()
    due = NOTHING
    while not due:
        world.hardware += 1
        due = world.wait()
    assert world.now_s == IDLE_S + LIMIT_S
    assert world.read(changes=True)
    assert world.due_after() == (Change.HARDWARE, QUIET_S)
    assert world.read()
    assert world.due_after()[0] == NOTHING


def test_a_torn_reading_does_not_start_the_clock_anew() -> None:
    world = World()
    while world.now_s < 8:
        world.hardware += 1
        assert world.wait() == NOTHING
    assert world.due_after()[0] == Change.HARDWARE
    answered_s = world.now_s
    assert not world.read(changes=True)
    while not world.watch.poll(world.now_s):
        world.hardware += 1
        world.now_s += BURST_S
    assert world.now_s <= IDLE_S + LIMIT_S + BURST_S < answered_s + LIMIT_S
    assert world.read(changes=True)


def test_a_new_configuration_does_not_hide_what_changed_while_it_was_loaded() -> None:
    world = World()
    world.configuration += 1
    world.watch.follow(lambda: {"gpu": 0}, lambda: {"file": world.configuration, "folder": 1})
    assert world.due_after()[0] == Change.CONFIGURATION
    assert world.due_after()[0] == NOTHING


@st.composite
def bursts(draw: st.DrawFn) -> list[float]:
    """Times of changes: close together, with pauses like mig-parted's, and with rests."""
    ticks = st.one_of(st.integers(0, 4), st.integers(4, 26), st.integers(20, 40), st.integers(100, 1000))
    now, times = 0, []
    for gap in draw(st.lists(ticks, max_size=80)):
        now += gap
        times.append(now * TICK_S)
    return times


@given(times=bursts(), delays=st.lists(st.integers(0, 12), min_size=1, max_size=20))
def test_a_burst_is_answered_once_settled_or_overdue(times: list[float], delays: list[int]) -> None:
    world = World()
    late = max(delays) * TICK_S
    unanswered: list[float] = []
    pending, polls = list(times), 0
    while pending or unanswered or world.now_s < 30:
        world.now_s += world.watch.wait_s + delays[polls % len(delays)] * TICK_S
        polls += 1
        while pending and pending[0] <= world.now_s:
            unanswered.append(pending.pop(0))
        world.hardware = len(times) - len(pending)
        if world.watch.poll(world.now_s):
            assert unanswered, "due twice, or for nothing"
            quiet_s = world.now_s - unanswered[-1]
            assert quiet_s >= QUIET_S or world.now_s - unanswered[0] >= LIMIT_S
            assert world.now_s - unanswered[0] <= LIMIT_S + IDLE_S + 2 * late
            if len(unanswered) == 1:
                assert quiet_s <= IDLE_S + QUIET_S + 2 * late + BURST_S * (late > 0)
            unanswered.clear()
        assert world.watch.is_settled == (not unanswered)
    assert LIMIT_S + IDLE_S <= 10


@given(times=bursts(), readings=st.lists(st.integers(0, 64), min_size=1, max_size=20))
def test_what_is_published_last_is_never_torn(times: list[float], readings: list[int]) -> None:
    """A service reads when told to, publishes when allowed; in the end the labels are of the last layout."""
    world = World()
    published, pending, count = 0, list(times), 0

    def go_on(seconds: float) -> None:
        world.now_s += seconds
        while pending and pending[0] <= world.now_s:
            pending.pop(0)
        world.hardware = len(times) - len(pending)

    torn = 0
    while pending or world.now_s < (times or [0])[-1] + 40:
        go_on(world.watch.wait_s)
        if Change.HARDWARE in world.watch.poll(world.now_s):
            layout = world.hardware
            world.watch.begin_reading(world.now_s)
            go_on(readings[count % len(readings)] * TICK_S)
            count += 1
            torn = torn + 1 if world.hardware != layout else 0
            if world.watch.end_reading(world.now_s):
                published = layout
            if torn > watch.MAX_TORN:
                return  # it was taken for the doing of the reading
    assert published == len(times)


def options(tmp_path: Path, **values: Any) -> config.Config:
    given_values = {
        "proc_driver_dir": str(tmp_path / "proc"),
        "driver_root": str(tmp_path / "driver"),
        **values,
    }
    return config.load(
        {"output_file": "", **{name: str(value) for name, value in given_values.items()}}, {}
    ).config


class Node:
    """A file system with two GPUs, one of them divided, and a watch that looks at it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.nvidia = path / "proc/nvidia"
        self.mig = self.nvidia / "capabilities/gpu0/mig"
        for folder in ("gpus/0000:3b:00.0", "gpus/0000:5e:00.0", "capabilities/mig", "capabilities/gpu1"):
            (self.nvidia / folder).mkdir(parents=True)
        for gi in (1, 2):
            self.divide(gi)
        (self.nvidia / "version").write_text("NVRM version: 535.161.08\n")
        self.libraries = path / "driver/usr/lib64"
        self.libraries.mkdir(parents=True)
        (self.libraries / LIBRARY).write_text("535")
        (path / "dev").mkdir()
        (path / "dev/nvidia0").touch()
        (path / "etc").mkdir()
        (path / "lib").mkdir()
        environ = {"LD_LIBRARY_PATH": f"{path / 'lib'}::/nowhere"}
        self.look, _ = watch.readers(options(path), environ, path)

    def divide(self, gi: int, *cis: int, name: str = "") -> None:
        for ci in cis or (0,):
            folder = self.mig / (name or f"gi{gi}") / f"ci{ci}"
            folder.mkdir(parents=True)
            (folder / "access").touch()
        (folder.parent / "access").touch()


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return Node(tmp_path)


def pass_tick(folder: Path) -> None:
    """Return when a file that is written now is newer than all that were: file systems count in ticks."""
    probe = folder.parent / f"{folder.name}.tick"
    probe.touch()
    started = probe.stat().st_ctime_ns
    while probe.stat().st_ctime_ns == started:
        probe.touch()
    probe.unlink()


def make_again(node: Node) -> None:
    """Put another folder in the place of one, of the same name and content."""
    node.divide(0, 0, name="new")
    shutil.rmtree(node.mig / "gi1")
    (node.mig / "new").rename(node.mig / "gi1")


HARDWARE_CHANGES = {
    "a GPU goes": lambda node: (node.nvidia / "gpus/0000:5e:00.0").rmdir(),
    "a GPU comes": lambda node: (node.nvidia / "gpus/0000:af:00.0").mkdir(),
    "a GPU instance goes": lambda node: shutil.rmtree(node.mig / "gi2"),
    "a GPU instance comes": lambda node: node.divide(9),
    "a GPU instance is made again": make_again,
    "one goes, one comes": lambda node: (node.mig / "gi2").rename(node.mig / "gi3"),
    "a compute instance goes": lambda node: shutil.rmtree(node.mig / "gi1/ci0"),
    "a compute instance comes": lambda node: node.divide(1, 1),
    "MIG is turned on": lambda node: (node.nvidia / "capabilities/gpu1/mig").mkdir(),
    "MIG is turned off": lambda node: shutil.rmtree(node.mig),
    "the driver is unloaded": lambda node: shutil.rmtree(node.nvidia),
    "the driver is another": lambda node: (node.nvidia / "version").write_text("NVRM version: 550.54.15\n"),
    "the version goes": lambda node: (node.nvidia / "version").unlink(),
    "the library goes": lambda node: (node.libraries / LIBRARY).unlink(),
    "the library is another": lambda node: (node.libraries / LIBRARY).write_text("550"),
    "a library comes where the loader looks": lambda node: (node.path / "lib" / LIBRARY).touch(),
    "the loader's cache comes": lambda node: (node.path / "etc/ld.so.cache").touch(),
    "a device node comes": lambda node: (node.path / "dev/nvidia1").touch(),
    "a device node goes": lambda node: (node.path / "dev/nvidia0").unlink(),
    "there are no devices": lambda node: shutil.rmtree(node.path / "dev"),
}


@pytest.mark.parametrize("change", HARDWARE_CHANGES.values(), ids=HARDWARE_CHANGES)
def test_hardware_that_changes_looks_different(node: Node, change: Any) -> None:
    before = node.look()
    assert node.look() == before
    pass_tick(node.path)
    change(node)
    after = node.look()
    assert after != before
    assert node.look() == after


def test_other_devices_are_none_of_ours(node: Node) -> None:
    before = node.look()
    (node.path / "dev/null0").touch()
    assert node.look() == before


def test_the_library_in_the_nodes_own_folders_counts(node: Node) -> None:
    before = node.look()
    (node.path / "usr/lib").mkdir(parents=True)
    (node.path / "usr/lib" / LIBRARY).touch()
    assert node.look() != before


def test_a_driver_that_comes_later_is_seen(tmp_path: Path) -> None:
    look, _ = watch.readers(options(tmp_path), {}, tmp_path)
    before = look()
    assert look() == before
    (tmp_path / "proc/nvidia/gpus").mkdir(parents=True)
    assert look() != before


@pytest.mark.parametrize(
    ("values", "is_watched"),
    [({}, True), ({"proc_driver_dir": ""}, False), ({"simulate": "dgx-h100"}, False)],
)
def test_the_hardware_is_watched_where_it_is_asked_for(
    node: Node, values: dict[str, str], is_watched: bool
) -> None:
    look, _ = watch.readers(options(node.path, **values), {}, node.path)
    before = look()
    make_again(node)
    assert (look() != before) == is_watched


def test_folders_that_rest_are_not_listed_again(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    before = node.look()
    monkeypatch.setattr(os, "scandir", None)
    assert node.look() == before


def test_no_device_is_opened(node: Node) -> None:
    (node.path / "dev/nvidia0").unlink()
    os.mkfifo(node.path / "dev/nvidia0")  # whoever opens it waits for ever
    assert node.look()


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: Any, **_options: Any) -> Any:
        raise PermissionError

    for name in ("stat", "scandir", "listdir", "readlink", "open"):
        monkeypatch.setattr(os, name, refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)


def test_what_is_forbidden_is_a_way_to_look(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    _, configuration = watch.readers(settings_of(node.path), {}, node.path)
    before = node.look(), configuration()
    with monkeypatch.context() as patch:
        forbid(patch)
        forbidden = node.look(), configuration()
    assert forbidden[0] != before[0]
    assert forbidden[1] != before[1]
    assert (node.look(), configuration()) == before


def settings_of(tmp_path: Path) -> config.Config:
    (tmp_path / "settings").mkdir()
    (tmp_path / "settings/config.yaml").write_text("version: v1\n")
    folder = tmp_path / "templates"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.j2").write_text("a=1\n")
    (folder / "sub/b.j2").write_text("b=1\n")
    return options(tmp_path, config_file=tmp_path / "settings/config.yaml", template_dir=folder)


CONFIGURATION_CHANGES = {
    "the file is written": lambda path: (path / "settings/config.yaml").write_text("version: v2\n"),
    "the file is touched": lambda path: (path / "settings/config.yaml").touch(),
    "the file may not be read": lambda path: (path / "settings/config.yaml").chmod(0),
    "the file goes": lambda path: (path / "settings/config.yaml").unlink(),
    "a template comes": lambda path: (path / "templates/c.j2").touch(),
    "a template is written": lambda path: (path / "templates/a.j2").write_text("a=2\n"),
    "a template is renamed": lambda path: (path / "templates/a.j2").rename(path / "templates/c.j2"),
    "a template goes": lambda path: (path / "templates/a.j2").unlink(),
    "a template below is written": lambda path: (path / "templates/sub/b.j2").write_text("b=2\n"),
    "a folder comes": lambda path: (path / "templates/more").mkdir(),
    "the folder goes": lambda path: shutil.rmtree(path / "templates"),
    "the folder is renamed": lambda path: (path / "templates").rename(path / "elsewhere"),
}


@pytest.mark.parametrize("change", CONFIGURATION_CHANGES.values(), ids=CONFIGURATION_CHANGES)
def test_a_configuration_that_changes_looks_different(tmp_path: Path, change: Any) -> None:
    _, look = watch.readers(settings_of(tmp_path), {}, tmp_path)
    before = look()
    assert look() == before
    pass_tick(tmp_path)
    change(tmp_path)
    after = look()
    assert after != before
    assert look() == after


@pytest.mark.parametrize("name", ["templates/.a.j2.swp", "templates/a.j2~", "settings/.config.yaml.swp"])
def test_what_an_editor_leaves_is_no_change(tmp_path: Path, name: str) -> None:
    _, look = watch.readers(settings_of(tmp_path), {}, tmp_path)
    before = look()
    (tmp_path / name).touch()
    assert look() == before


def test_an_empty_folder_is_not_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    _, look = watch.readers(options(tmp_path, template_dir=tmp_path / "templates"), {}, tmp_path)
    before = look()
    (tmp_path / "templates").rmdir()
    assert look() != before


def test_without_files_there_is_no_configuration_to_watch(tmp_path: Path) -> None:
    assert watch.readers(options(tmp_path), {}, tmp_path)[1]() == {}


def test_a_config_map_that_is_swapped_is_seen(tmp_path: Path) -> None:
    """As the kubelet does it: a new hidden folder, and one rename."""
    mount = tmp_path / "mount"
    (mount / "..1").mkdir(parents=True)
    (mount / "..1/config.yaml").write_text("version: v1\n")
    (mount / "..1/a.j2").write_text("a=1\n")
    (mount / "..data").symlink_to("..1")
    for name in ("config.yaml", "a.j2"):
        (mount / name).symlink_to(f"..data/{name}")
    configuration = options(tmp_path, config_file=mount / "config.yaml", template_dir=mount)
    _, look = watch.readers(configuration, {}, tmp_path)
    before = look()
    (mount / "..2").mkdir()
    for name in ("config.yaml", "a.j2"):
        os.link(mount / "..1" / name, mount / "..2" / name)  # only the link tells them apart
    middle = look()
    (mount / "..new").symlink_to("..2")
    (mount / "..new").rename(mount / "..data")
    assert all(look()[place] != middle[place] for place in middle)
    assert len(before) == 2


def test_a_watch_of_real_files_follows_a_new_configuration(node: Node) -> None:
    old = settings_of(node.path)
    one = Watch(*watch.readers(old, {}, node.path))
    pass_tick(node.path)
    (node.path / "settings/config.yaml").write_text("version: v1 # again\n")
    make_again(node)
    one.follow(*watch.readers(options(node.path, config_file=old.config_file), {}, node.path))
    assert one.poll(0) == NOTHING
    assert one.poll(QUIET_S) == Change.HARDWARE | Change.CONFIGURATION
    assert one.poll(2 * QUIET_S) == NOTHING
