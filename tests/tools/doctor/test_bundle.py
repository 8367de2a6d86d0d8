from __future__ import annotations

import gzip
import importlib.metadata
import io
import os
import tarfile
from pathlib import Path

import pytest

from gfd import __version__, cli
from gfd.config.loader import load
from gfd.config.model import LoadedConfig
from gfd.errors import ConfigError, GfdError
from gfd.inventory.model import Inventory
from gfd.simulation import machines
from gfd.tools.doctor import bundle
from gfd.tools.doctor.context import Context
from gfd.tools.doctor.result import fail
from tests.make import fabric, gpu, inventory

pytestmark = pytest.mark.whole

NAMES = ["contents.txt", "snapshot.yaml", "config.txt", "doctor.txt", "labels.txt", "versions.txt", "log.txt"]
NODE = "gpu-node-17.dc1.example.com"
POD = "gfd-x7k2p"
CLUSTER = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJnZmQifQ.c2lnbmF0dXJl"
KUBECONFIG_TOKEN = "opaque-token-of-an-operator"
SERIAL = "1650522003820"
ELSEWHERE = "GPU-99999999-8888-7777-6666-555555555555"
LOG = f"""\
{{"event": "service.started", "node": "{NODE}", "pod": "{POD}"}}
{{"event": "publish.failed", "reason": "nodes \\"gpu-node-18\\" is forbidden"}}
Jan 02 gpu-node-17 kernel: NVRM: {ELSEWHERE} serial {SERIAL} at 10.20.30.40 and 2001:db8::17
the API server https://api.dc1.example.com:6443 does not answer; Authorization: Bearer {JWT}
token={KUBECONFIG_TOKEN} password: hunter2
mail bob@example.com 52:54:00:12:34:56 /home/bob/.kube/config
"""
SECRETS = (
    *(NODE, "gpu-node-17", "gpu-node-18", POD, CLUSTER, JWT, KUBECONFIG_TOKEN, SERIAL, ELSEWHERE),
    *("10.20.30.40", "2001:db8::17", "api.dc1.example.com", "hunter2", "bob", "52:54:00:12:34:56"),
)


@pytest.fixture(autouse=True)
def _hide_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "no-programs"))


def divided() -> Inventory:
    node = machines.read("mig-doc", "all-balanced")
    return node._replace(gpus=(node.gpus[0]._replace(fabric=fabric()),))


@pytest.fixture
def place(tmp_path: Path) -> tuple[LoadedConfig, Context]:
    """Return a machine with secrets in all its values."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(f"users:\n- user: {{token: {KUBECONFIG_TOKEN}}}\n")
    values = {
        "node_name": NODE,
        "pod_name": POD,
        "kubeconfig": str(kubeconfig),
        "output_file": f"/home/bob/{NODE}/gfd",
        "template_dir": None,
        "metrics_addr": "10.20.30.40:8080",
        "label_prefix_allow": [NODE],
    }
    loaded = load(values, {})
    context = Context(loaded.config, root=tmp_path / "root")
    context.inventory = divided()
    context.labels = {"nvidia.com/gpu.clique": f"{CLUSTER}.7", f"{NODE}/rack": "7"}
    context.library = {"path": f"/home/bob/{NODE}/libnvidia-ml.so.1", "version": ""}
    context.cluster = GfdError(f"https://api.dc1.example.com:6443: Bearer {JWT} from 10.20.30.40")
    return loaded, context


def read(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        assert {(member.uid, member.uname, member.mtime) for member in archive} == {(0, "", 0)}
        return {
            member.name.removeprefix("gfd-bundle/"): (archive.extractfile(member) or io.BytesIO()).read()
            for member in archive
        }


def make(place: tuple[LoadedConfig, Context], tmp_path: Path, *, keeps_names: bool = False) -> Path:
    loaded, context = place
    log = tmp_path / "log"
    log.write_text(LOG)
    results = [
        ("driver", fail(f"{ELSEWHERE} on node {NODE} at 10.20.30.40, for bob@example.com", f"ask {JWT}"))
    ]
    found = bundle.collect(loaded, context, results, log=log, keeps_names=keeps_names)
    bundle.write(found, tmp_path / "bundle.tar.gz")
    return tmp_path / "bundle.tar.gz"


def secrets() -> list[bytes]:
    (gpu,) = divided().gpus
    uuids = [gpu.uuid, *(device.uuid for device in gpu.mig_devices or ())]
    assert len(uuids) == 5
    return [text.encode() for text in (*SECRETS, *map(str, uuids))]


def test_no_secret_is_in_any_byte(place: tuple[LoadedConfig, Context], tmp_path: Path) -> None:
    path = make(place, tmp_path)
    files = read(path)
    assert list(files) == NAMES
    raw = gzip.decompress(path.read_bytes())
    leaked = [(name, secret) for name, data in files.items() for secret in secrets() if secret in data]
    assert leaked == []
    assert [secret for secret in secrets() if secret in raw or secret in path.read_bytes()] == []
    assert path.stat().st_mode & 0o777 == 0o600


def test_equal_values_have_equal_aliases(place: tuple[LoadedConfig, Context], tmp_path: Path) -> None:
    files = {name: data.decode() for name, data in read(make(place, tmp_path)).items()}
    assert "  uuid: GPU-1\n" in files["snapshot.yaml"]
    assert [f"uuid: MIG-{number}\n" in files["snapshot.yaml"] for number in range(1, 5)] == [True] * 4
    assert "cluster_uuid: uuid-1\n" in files["snapshot.yaml"]
    assert files["labels.txt"] == "node-1/rack=7\nnvidia.com/gpu.clique=uuid-1.7\n"
    assert files["doctor.txt"] == (
        "FAIL  driver  GPU-2 on node node-1 at ip-1, for mail-1\n              -> ask SECRET\n1 failed\n"
    )
    first, second, third, fourth, *_ = files["log.txt"].splitlines()
    assert first == '{"event": "service.started", "node": "node-1", "pod": "pod-1"}'
    assert '"reason": "nodes \\"node-' in second
    assert third == "Jan 02 node-1 kernel: NVRM: GPU-2 serial serial-1 at ip-1 and ip-2"
    assert fourth.endswith(":6443 does not answer; Authorization: Bearer SECRET")
    assert "--node-name                  node-1" in files["config.txt"]


def test_secrets_of_the_default_kubeconfig(
    place: tuple[LoadedConfig, Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, context = place
    (tmp_path / ".kube").mkdir()
    context.config.kubeconfig.rename(tmp_path / ".kube" / "config")  # type: ignore[union-attr]
    monkeypatch.setenv("HOME", str(tmp_path))
    context.config = context.config._replace(kubeconfig=None)
    (tmp_path / "log").write_text(f"somebody wrote {KUBECONFIG_TOKEN} here\n")
    found = bundle.collect(loaded, context, [], log=tmp_path / "log", keeps_names=True)
    assert found.files["log.txt"] == "somebody wrote SECRET here\n"


def test_keep_names_replaces_secrets_only(place: tuple[LoadedConfig, Context], tmp_path: Path) -> None:
    files = read(make(place, tmp_path, keeps_names=True))
    text = b"".join(files.values())
    lost = {secret for secret in secrets() if secret not in text}
    assert lost == {JWT.encode(), KUBECONFIG_TOKEN.encode(), b"hunter2"}


def test_missing_files_are_listed(place: tuple[LoadedConfig, Context], tmp_path: Path) -> None:
    loaded, context = place
    context.inventory = context.labels = GfdError(f"no driver on node {NODE}")
    found = bundle.collect(loaded, context, [], log=tmp_path / "gone")
    command = "kubectl exec -i POD -- gfd doctor --bundle - --log - > gfd-bundle.tar.gz"
    where = f"in a pod: kubectl logs POD | {command}"
    assert found.missing == {
        "snapshot.yaml": "no driver on node node-1",
        "labels.txt": "no driver on node node-1",
        "log.txt": f"{tmp_path}/gone: No such file or directory; pass it with --log FILE; {where}",
    }
    assert list(found.files) == ["contents.txt", "config.txt", "doctor.txt", "versions.txt"]
    assert found.files["contents.txt"] == (
        "config.txt\ndoctor.txt\nversions.txt\n"
        + "".join(f"{name} is missing: {reason}\n" for name, reason in found.missing.items())
    )


def test_versions_of_a_gfd_that_is_not_installed(
    place: tuple[LoadedConfig, Context], monkeypatch: pytest.MonkeyPatch
) -> None:
    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    loaded, context = place
    lines = bundle.collect(loaded, context, [], log=None).files["versions.txt"].splitlines()
    assert lines[-1] == "packages: unknown, because gfd runs from a folder without being installed"


def test_versions(place: tuple[LoadedConfig, Context]) -> None:
    loaded, context = place
    lines = bundle.collect(loaded, context, [], log=None).files["versions.txt"].splitlines()
    names = [line.partition(":")[0] for line in lines]
    assert lines[0] == f"gfd: {__version__}"
    assert names[:7] == [
        "gfd",
        "python",
        "kernel",
        "system",
        "/proc/driver/nvidia/version",
        "library",
        "kubernetes",
    ]
    assert lines[2] == f"kernel: Linux {os.uname().release} {os.uname().machine}"
    assert {"jinja2", "kubernetes", "nvidia-ml-py", "urllib3"} < set(names)


def test_the_end_of_a_long_log_is_kept(place: tuple[LoadedConfig, Context], tmp_path: Path) -> None:
    loaded, context = place
    log = tmp_path / "log"
    log.write_bytes(b"first\xff\n" + b"x\n" * bundle.LOG_BYTES + b"last\xff\n")
    text = bundle.collect(loaded, context, [], log=log).files["log.txt"]
    assert text.endswith("x\nlast\N{REPLACEMENT CHARACTER}\n")
    assert "first" not in text


def test_the_journal(
    place: tuple[LoadedConfig, Context], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded, context = place
    program = tmp_path / "journalctl"
    monkeypatch.setenv("PATH", str(tmp_path))

    def ask() -> bundle.Bundle:
        return bundle.collect(loaded, context, [], log=None)

    assert ask().missing["log.txt"].startswith("there is no journal; pass it with --log FILE")
    program.write_text(f"#!/bin/sh\necho {NODE} $1\n")
    program.chmod(0o755)
    assert ask().files["log.txt"] == "node-1 --unit=gfd\n"
    program.write_text("#!/bin/sh\n")
    assert ask().missing["log.txt"].startswith("the journal has no entries of the unit gfd; ")
    program.write_text("#!/bin/sh\nexit 3\n")
    assert ask().missing["log.txt"].startswith("cannot read the journal: ")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("there", "link"):
        with pytest.raises(ConfigError, match="already exists; choose another file"):
            bundle.write(bundle.Bundle(files={"a": "b"}), tmp_path / name)
    assert (tmp_path / "there").read_text() == "mine"
    with pytest.raises(GfdError, match="No such file or directory; the bundle was not written"):
        bundle.write(bundle.Bundle(), tmp_path / "gone/b")


def test_the_same_bundle_has_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        bundle.write(bundle.Bundle(files={"x": "y"}), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "b.tar.gz"
    given = (
        "doctor",
        "--simulate=t4",
        "--kubeconfig=/gone",
        f"--bundle={path}",
        "--node-name=node-seventeen",
        f"--output-file={tmp_path}/gfd",
    )

    class Input:
        buffer = io.BytesIO(b"started on node-seventeen\n")

    monkeypatch.setattr("sys.stdin", Input())
    assert cli.run((*given, "--log=-"), {}) == 0
    said = capsys.readouterr()
    assert said.out.startswith("skip  hardware      not checked, because t4 is simulated")
    assert said.err == f"gfd: {path} holds {', '.join(NAMES)}; read it before you share it\n"
    files = read(path)
    assert files["log.txt"] == b"started on node-1\n"
    assert files["doctor.txt"].decode() == said.out
    assert b"node-seventeen" not in b"".join(files.values())
    assert cli.run(given, {}) == 2
    again = f"gfd: --bundle (command line): {path} already exists; choose another file\n"
    assert capsys.readouterr() == ("", again)
    for flag, name in (("--log=x", "--log"), ("--keep-names", "--keep-names")):
        assert cli.run(("doctor", "--simulate=t4", flag), {}) == 2
        alone = f"gfd: {name} (command line): works only with --bundle FILE.tar.gz\n"
        assert capsys.readouterr() == ("", alone)


def test_standard_output(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"started on node-seventeen\n")))
    where = ("--kubeconfig=/gone", "--node-name=node-seventeen", f"--output-file={tmp_path}/gfd")
    assert cli.run(("doctor", "--simulate=t4", *where, "--bundle=-", "--log=-"), {}) == 0
    out, err = capsysbinary.readouterr()
    path = tmp_path / "gfd-bundle.tar.gz"
    path.write_bytes(out)
    files = read(path)
    assert list(files) == NAMES
    assert files["log.txt"] == b"started on node-1\n"
    report = files["doctor.txt"].decode()
    assert err.decode() == f"{report}gfd: the bundle holds {', '.join(NAMES)}; read it before you share it\n"


def test_standard_output_that_cannot_take_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("doctor", "--simulate=t4", "--kubeconfig=/gone", "--bundle=-")
    assert cli.run((*words, "-o", "json"), {}) == 2
    both = (
        "gfd: --format (command line): json and --bundle - both write to standard output; "
        "name a file for the bundle\n"
    )
    assert capsys.readouterr() == ("", both)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert cli.run(words, {}) == 2
    terminal = (
        "gfd: --bundle (command line): standard output is a terminal; redirect it to a file, as in "
        "gfd doctor --bundle - > gfd-bundle.tar.gz\n"
    )
    assert capsys.readouterr() == ("", terminal)


def test_a_machine_without_anything(tmp_path: Path) -> None:
    loaded = load({"kubeconfig": "/gone"}, {})
    context = Context(loaded.config, root=tmp_path)
    context.inventory = inventory(gpu(0))
    found = bundle.collect(loaded, context, [], log=None)
    assert (
        "kubernetes: kubeconfig /gone: there is no such file; set another with --kubeconfig\n"
        in found.files["versions.txt"]
    )
