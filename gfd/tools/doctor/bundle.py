"""Collect the files for a bug report in one archive, without names and secrets."""

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
from gfd.tools import effective_options
from gfd.tools.doctor import runner
from gfd.tools.doctor.anonymizer import Anonymizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gfd.config.model import LoadedConfig
    from gfd.tools.doctor.context import Context
    from gfd.tools.doctor.runner import NamedResults

LOG_BYTES = 1 << 20
"""The number of bytes from the end of the log in the bundle."""
_JOURNAL = ("journalctl", "--unit=gfd", "--lines=5000", "--no-pager", "--quiet", "--output=short-iso")
_JOURNAL_TIMEOUT_S = 20.0
_LOG_ADVICE = (
    "pass it with --log FILE; in a pod: "
    "kubectl logs POD | kubectl exec -i POD -- gfd doctor --bundle - --log - > gfd-bundle.tar.gz"
)
STANDARD_OUTPUT = Path("-")
_TOKEN = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Files by name, and the reasons why others are missing."""

    files: dict[str, str] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, text: str | GfdError) -> None:
        """Add a file, or the error that explains why it is missing."""
        if isinstance(text, GfdError):
            self.missing[name] = str(text)
        else:
            self.files[name] = text


def collect(
    loaded: LoadedConfig,
    context: Context,
    results: NamedResults,
    *,
    log: Path | None,
    keeps_names: bool = False,
) -> Bundle:
    """Return the files of a bug report without names and secrets; list the missing ones."""
    found = Bundle()
    inventory, labels = context.inventory, context.labels
    found.add("snapshot.yaml", inventory if isinstance(inventory, GfdError) else snapshot.to_yaml(inventory))
    found.add("config.txt", effective_options.to_text(loaded))
    found.add("doctor.txt", runner.to_text(results))
    found.add("labels.txt", labels if isinstance(labels, GfdError) else format_labels(labels))
    found.add("versions.txt", "".join(f"{name}: {value}\n" for name, value in _list_versions(context)))
    found.add("log.txt", _read_log(log))
    return _anonymize(found, _make_anonymizer(context, keeps_names=keeps_names))


def check_target(path: Path) -> None:
    """Raise ConfigError if the archive cannot be written to ``path``: it exists or is a terminal."""
    if path == STANDARD_OUTPUT:
        if sys.stdout.isatty():
            hint = "redirect it to a file, as in gfd doctor --bundle - > gfd-bundle.tar.gz"
            raise ConfigError("--bundle", COMMAND_LINE, f"standard output is a terminal; {hint}")
    elif path.exists() or path.is_symlink():
        raise ConfigError("--bundle", COMMAND_LINE, f"{path} already exists; choose another file")


def write(bundle: Bundle, path: Path) -> None:
    """Write the archive to a new file that only its owner can read, or for ``-`` to standard output.

    Raises GfdError if the file cannot be written.
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
    """Return a gzipped tar archive that does not show who made it or when."""
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


def _anonymize(found: Bundle, anonymizer: Anonymizer) -> Bundle:
    for text in (*found.files.values(), *found.missing.values()):
        anonymizer.collect_names(text)
    files = {name: anonymizer.anonymize(text) for name, text in found.files.items()}
    missing = {name: anonymizer.anonymize(reason) for name, reason in found.missing.items()}
    contents = [f"{name}\n" for name in files]
    contents += [f"{name} is missing: {reason}\n" for name, reason in missing.items()]
    return Bundle(files={"contents.txt": "".join(contents), **files}, missing=missing)


def _make_anonymizer(context: Context, *, keeps_names: bool) -> Anonymizer:
    """Return an anonymizer that knows the names and secrets of this machine."""
    anonymizer = Anonymizer(keeps_names=keeps_names, secrets=_read_secrets(context))
    for kind, name in (
        ("node", context.config.node_name),
        ("node", os.uname().nodename),
        ("pod", context.config.pod_name),
    ):
        anonymizer.add_name(kind, name)
    if not isinstance(context.inventory, GfdError):
        for gpu in context.inventory.gpus:
            anonymizer.add_name("GPU", gpu.uuid)
            for device in gpu.mig_devices or ():
                anonymizer.add_name("MIG", device.uuid)
    if not isinstance(context.cluster, GfdError) and not isinstance(context.cluster.identity, GfdError):
        identity = context.cluster.identity
        anonymizer.add_name("node", identity.node)
        anonymizer.add_name("pod", identity.pod)
        if not identity.is_service_account:
            anonymizer.add_name("user", identity.name)
    return anonymizer


def _read_secrets(context: Context) -> Iterator[str]:
    """Yield the credentials in the kubeconfig files and the service account's token."""
    from gfd.kube.kubeconfig_file import DEFAULT_KUBECONFIG, split_paths

    for path in (_TOKEN, *split_paths(context.config.kubeconfig or DEFAULT_KUBECONFIG)):
        try:
            text = read_text(path, CONFIGURATION_BYTES, errors="replace")
        except OSError:
            continue
        yield from re.findall(r"(?:token|data|password)[\"']?:\s*[\"']?([^\s\"',}]{6,})", text)
        if path == _TOKEN:
            yield text.strip()


def _list_versions(context: Context) -> Iterator[tuple[str, str]]:
    yield "gfd", __version__
    yield "python", sys.version.replace("\n", " ")
    yield "kernel", f"{os.uname().sysname} {os.uname().release} {os.uname().machine}"
    yield "system", _read_system_name()
    yield "/proc/driver/nvidia/version", context.kernel_line or "missing"
    yield "library", str(context.library)
    yield (
        "kubernetes",
        str(context.cluster) if isinstance(context.cluster, GfdError) else context.cluster.version,
    )
    try:
        required = importlib.metadata.requires("gfd") or ()
    except importlib.metadata.PackageNotFoundError:
        yield "packages", "unknown, because gfd runs from a folder without being installed"
        return
    for name in sorted(re.split(r"[^\w.-]", each)[0] for each in required):
        try:
            yield name, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, "not installed"


def _read_system_name() -> str:
    try:
        release: Mapping[str, str] = platform.freedesktop_os_release()
    except OSError:
        return "unknown"
    return release.get("PRETTY_NAME", "unknown")


def _read_log(path: Path | None) -> str | GfdError:
    """Return the end of the log from a file, standard input (``-``) or the journal."""
    if path is None:
        return _read_journal()
    try:
        data = read_input(path)
    except OSError as error:
        return GfdError(f"{path}: {error.strerror}; {_LOG_ADVICE}")
    return data[-LOG_BYTES:].decode(errors="replace")


def _read_journal() -> str | GfdError:
    if shutil.which(_JOURNAL[0]) is None:
        return GfdError(f"there is no journal; {_LOG_ADVICE}")
    try:
        done = subprocess.run(_JOURNAL, capture_output=True, timeout=_JOURNAL_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError) as error:
        return GfdError(f"cannot read the journal: {error}; {_LOG_ADVICE}")
    if not done.stdout.strip():
        return GfdError(f"the journal has no entries of the unit gfd; {_LOG_ADVICE}")
    return done.stdout[-LOG_BYTES:].decode(errors="replace")
