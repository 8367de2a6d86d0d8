"""What a bug report needs, in one archive: gathered, cleaned of names and secrets, written once."""

from __future__ import annotations

import gzip
import importlib.metadata
import io
import os
import platform
import re
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gfd import __version__
from gfd.config.options import COMMAND_LINE
from gfd.errors import ConfigError, GfdError
from gfd.files import CONFIGURATION_BYTES, read_input, read_text
from gfd.inventory import snapshot
from gfd.publishing.sinks.feature_text import format_labels
from gfd.tools import settings
from gfd.tools.doctor import runner
from gfd.tools.doctor.scrub import Scrubber

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.config.model import LoadedConfig
    from gfd.tools.doctor.context import Site
    from gfd.tools.doctor.runner import Findings

LOG_BYTES = 1 << 20
"""Of the end of the log."""
_JOURNAL = ("journalctl", "--unit=gfd", "--lines=5000", "--no-pager", "--quiet", "--output=short-iso")
_JOURNAL_S = 20.0
_WHERE = (
    "give it with --log FILE; in a pod: "
    "kubectl logs POD | kubectl exec -i POD -- gfd doctor --bundle - --log - > gfd-bundle.tar.gz"
)
STANDARD_OUTPUT = Path("-")
_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Files by name, and why others are not there."""

    files: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, text: str | GfdError) -> None:
        """Take in a file, or the error in its place."""
        if isinstance(text, GfdError):
            self.missing[name] = str(text)
        else:
            self.files[name] = text


def gather(
    loaded: LoadedConfig, site: Site, findings: Findings, *, log: Path | None, keeps_names: bool = False
) -> Bundle:
    """Return the files of a bug report, cleaned. What cannot be had is said, and never an error."""
    found = Bundle()
    inventory, labels = site.inventory, site.labels
    found.add("snapshot.yaml", inventory if isinstance(inventory, GfdError) else snapshot.to_yaml(inventory))
    found.add("config.txt", settings.to_text(loaded))
    found.add("doctor.txt", runner.to_text(findings))
    found.add("labels.txt", labels if isinstance(labels, GfdError) else format_labels(labels))
    found.add("versions.txt", "".join(f"{name}: {value}\n" for name, value in _versions(site)))
    found.add("log.txt", _read_log(log))
    return _clean(found, _scrubber(site, keeps_names=keeps_names))


def check_target(path: Path) -> None:
    """Raise ConfigError where the archive cannot go to ``path``: a file that exists, or a terminal."""
    if path == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            hint = "redirect it to a file, as in gfd doctor --bundle - > gfd-bundle.tar.gz"
            raise ConfigError("--bundle", COMMAND_LINE, f"standard output is a terminal; {hint}")
    elif path.exists() or path.is_symlink():
        raise ConfigError("--bundle", COMMAND_LINE, f"{path} already exists; name another file")


def write(bundle: Bundle, path: Path) -> None:
    """Write the archive to a new file that only its owner can read, or to standard output for ``-``.

    Raises GfdError.
    """
    archive = _pack(bundle)
    if path == STANDARD_OUTPUT:
        sys.stdout.buffer.write(archive)
        sys.stdout.buffer.flush()
        return
    check_target(path)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(archive)
    except OSError as error:
        raise GfdError(f"{path}: {error.strerror}; the bundle was not written") from error


def _pack(bundle: Bundle) -> bytes:
    """Return the gzipped tar archive, without a trace of who made it or when."""
    content = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=content, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w") as archive,
    ):
        for name, text in bundle.files.items():
            data = text.encode(errors="replace")
            member = tarfile.TarInfo(f"gfd-bundle/{name}")
            member.size, member.mode = len(data), 0o644
            archive.addfile(member, io.BytesIO(data))
    return content.getvalue()


def _clean(found: Bundle, scrubber: Scrubber) -> Bundle:
    for text in (*found.files.values(), *found.missing.values()):
        scrubber.learn(text)
    files = {name: scrubber.scrub(text) for name, text in found.files.items()}
    missing = {name: scrubber.scrub(reason) for name, reason in found.missing.items()}
    contents = [f"{name}\n" for name in files]
    contents += [f"{name} is not there: {reason}\n" for name, reason in missing.items()]
    return Bundle(files={"contents.txt": "".join(contents), **files}, missing=missing)


def _scrubber(site: Site, *, keeps_names: bool) -> Scrubber:
    """Return one that knows what this place can tell of its own names and secrets."""
    made = Scrubber(keeps_names=keeps_names, secrets=_secrets(site))
    for kind, name in (
        ("node", site.config.node_name),
        ("node", os.uname().nodename),
        ("pod", site.config.pod_name),
    ):
        made.know(kind, name)
    if not isinstance(site.inventory, GfdError):
        for gpu in site.inventory.gpus:
            made.know("GPU", gpu.uuid)
            for device in gpu.mig_devices or ():
                made.know("MIG", device.uuid)
    if not isinstance(site.cluster, GfdError) and not isinstance(site.cluster.identity, GfdError):
        identity = site.cluster.identity
        made.know("node", identity.node)
        made.know("pod", identity.pod)
        if not identity.is_service_account:
            made.know("user", identity.name)
    return made


def _secrets(site: Site) -> Iterator[str]:
    """Yield the credentials that are used here."""
    from gfd.kube.kubeconfig_file import DEFAULT_KUBECONFIG, split_paths

    for path in (_TOKEN, *split_paths(site.config.kubeconfig or DEFAULT_KUBECONFIG)):
        try:
            text = read_text(path, CONFIGURATION_BYTES, errors="replace")
        except OSError:
            continue
        yield from re.findall(r"(?:token|data|password)[\"']?:\s*[\"']?([^\s\"',}]{6,})", text)
        if path == _TOKEN:
            yield text.strip()


def _versions(site: Site) -> Iterator[tuple[str, str]]:
    yield "gfd", __version__
    yield "python", sys.version.replace("\n", " ")
    yield "kernel", f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"
    yield "system", _system()
    yield "/proc/driver/nvidia/version", site.kernel_line or "not there"
    yield "library", str(site.library)
    yield "kubernetes", str(site.cluster) if isinstance(site.cluster, GfdError) else site.cluster.version
    try:
        required = importlib.metadata.requires("gfd") or ()
    except importlib.metadata.PackageNotFoundError:
        yield "packages", "unknown, since gfd itself is not installed but runs from a folder"
        return
    for name in sorted(re.split(r"[^\w.-]", each)[0] for each in required):
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "not installed"


def _system() -> str:
    try:
        release: Mapping[str, str] = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    return release.get("PRETTY_NAME", "unknown")


def _read_log(path: Path | None) -> str | GfdError:
    """Return the end of the log: of a file, of standard input (``-``), or of the journal."""
    if path is None:
        return _read_journal()
    try:
        data = read_input(path)
    except OSError as error:
        return GfdError(f"{path}: {error.strerror}; {_WHERE}")
    return data[-LOG_BYTES:].decode(errors="replace")


def _read_journal() -> str | GfdError:
    if shutil.which(_JOURNAL[0]) is None:
        return GfdError(f"there is no journal; {_WHERE}")
    try:
        done = subprocess.run(_JOURNAL, capture_output=True, timeout=_JOURNAL_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return GfdError(f"the journal cannot be read: {error}; {_WHERE}")
    if not done.stdout.strip():
        return GfdError(f"the journal has nothing of the unit gfd; {_WHERE}")
    return done.stdout[-LOG_BYTES:].decode(errors="replace")
