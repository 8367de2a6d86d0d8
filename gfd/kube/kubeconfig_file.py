"""Check a kubeconfig before the kubernetes package uses it.

The package checks nothing, and its errors quote the file, including credentials.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, DocumentError
from gfd.files import CONFIGURATION_BYTES, read_bytes
from gfd.kube.impersonation import make_headers
from gfd.kube.kubeconfig_schema import KUBECONFIG, PARTS
from gfd.kube.schema import SchemaError, object_of
from gfd.text import join_words, remember_credentials, shorten

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

DEFAULT_KUBECONFIG = Path("~/.kube/config")


_OTHER_FILE = "set another with --kubeconfig"
_SECRET = ("token", "password", "client-key-data")
_SECRET_NAME = re.compile(r"(?i)token|secret|password|passwd|key")
"""The names of settings that are credentials, of an exec plugin or an auth provider."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigContext:
    """The context to use, and the origin of its credentials."""

    context: str
    origin: str
    """The origin of the credential, for messages."""
    proxy: str | None
    """The URL of the proxy to the server; old versions of the kubernetes package do not read it."""
    impersonation: tuple[tuple[str, str], ...] = ()
    """The headers that impersonate another user; the kubernetes package does not send them."""


def read_context(source: str, files: Sequence[Path], context: str | None) -> KubeconfigContext:
    """Return the named context, or the current one. Raises ApiError.

    ``source`` names the ``files`` in messages. As in kubectl, the first file with a value wins.
    """
    contents = {file: _read(file) for file in files if os.path.exists(file)}  # noqa: PTH110 - Path.exists can raise
    current = next(filter(None, (each.get("current-context") for each in contents.values())), "")
    wanted = context or current
    if not wanted:
        raise _make_error(source, _explain_no_context(contents.values()))
    _, found = _find(source, contents, "context", wanted)
    _, cluster = _find(source, contents, "cluster", found["cluster"])
    proxy = cluster.get("proxy-url")
    if not found.get("user"):
        return KubeconfigContext(context=wanted, origin=source, proxy=proxy)
    file, user = _find(source, contents, "user", found["user"])
    remember_credentials(*_find_secrets(user))
    try:
        impersonation = make_headers(user)
    except ValueError as error:
        raise _make_file_error(file, f"user {found['user']!r}: {error}") from error
    origin = _describe_origin(file, user, found["user"])
    return KubeconfigContext(context=wanted, origin=origin, proxy=proxy, impersonation=impersonation)


def _explain_no_context(contents: Iterable[Mapping[str, Any]]) -> str:
    names = [each["name"] for content in contents for each in content.get("contexts") or ()]
    if names:
        return f"has no current context; choose one with --context: {join_words(names)}"
    return f"has no contexts; {_OTHER_FILE}"


def split_paths(kubeconfig: Path) -> Iterator[Path]:
    """Yield the files that KUBECONFIG or --kubeconfig names."""
    for name in str(kubeconfig).split(os.pathsep):
        if name:
            # Path.expanduser raises if the home directory is unknown, as in a container.
            yield Path(os.path.expanduser(name))  # noqa: PTH111


def _make_error(source: str | Path, reason: str) -> ApiError:
    return ApiError(f"{source} {reason}", kind="credentials")


def _read(file: Path) -> dict[str, Any]:
    """Return the content of a kubeconfig. Raises ApiError."""
    from gfd.documents.reader import read

    try:
        content = read(read_bytes(file, CONFIGURATION_BYTES), str(file)).plain()
        _check_kind(file, content)
        KUBECONFIG(content)
    except OSError as error:
        raise _make_file_error(file, f"{error.strerror}; {_OTHER_FILE}") from error
    except DocumentError as error:
        # The text of the error could quote a token.
        raise _make_file_error(
            file, f"line {error.line} is not valid YAML; set another with --kubeconfig"
        ) from error
    except SchemaError as error:
        raise _make_file_error(file, str(error)) from error
    return dict(content)


def _check_kind(file: Path, content: Any) -> None:
    """Raise ApiError for an empty file, and for an object that is no kubeconfig."""
    if content is None:
        raise _make_file_error(file, f"it is empty; {_OTHER_FILE}")
    kind = content.get("kind") if isinstance(content, dict) else None
    if isinstance(kind, str) and kind != "Config" and "contexts" not in content:
        raise _make_file_error(
            file, f"it is a {shorten(kind)}, not a kubeconfig; set another with --kubeconfig"
        )


def _make_file_error(file: Path, reason: str) -> ApiError:
    return _make_error(f"kubeconfig {file}", f"cannot be used: {reason}")


def _find(
    source: str, contents: Mapping[Path, Mapping[str, Any]], kind: str, name: str
) -> tuple[Path, dict[str, Any]]:
    """Return the context, cluster or user called ``name``, and its file. Raises ApiError."""
    from gfd.text import suggest

    names = []
    for file, content in contents.items():
        for index, entry in enumerate(content.get(f"{kind}s") or ()):
            names.append(entry["name"])
            if entry["name"] != name:
                continue
            try:
                object_of({kind: PARTS[kind]}, kind)(entry)
            except SchemaError as error:
                raise _make_file_error(file, str(error.within(f"{kind}s[{index}]"))) from error
            _check_files(file, kind, entry[kind])
            return file, entry[kind]
    suggestion = suggest(name, names)
    raise _make_error(source, f"has no {kind} {name!r}; it has {', '.join(names) or 'none'}{suggestion}")


def _check_files(file: Path, kind: str, entry: Mapping[str, Any]) -> None:
    """Raise ApiError if the package will need a file that cannot be read."""
    names = ("certificate-authority",) if kind == "cluster" else ("client-certificate", "client-key")
    wanted = [name for name in names if entry.get(name) and f"{name}-data" not in entry]
    wanted += ["tokenFile"] if entry.get("tokenFile") and "token" not in entry else []
    for name in wanted:
        path = file.parent / entry[name]
        try:
            read_bytes(path, CONFIGURATION_BYTES)
        except OSError as error:
            raise _make_file_error(file, f"{name} {path}: {error.strerror}") from error


def _find_secrets(user: Mapping[str, Any]) -> Iterator[str]:
    yield from (user[name] for name in _SECRET if user.get(name))
    config = (user.get("auth-provider") or {}).get("config") or {}
    env = {each["name"]: each["value"] for each in (user.get("exec") or {}).get("env") or ()}
    # Other settings, such as a region, are not secret, and a server's name may contain them.
    yield from (
        value
        for name, value in {**config, **env}.items()
        if _SECRET_NAME.search(name) and isinstance(value, str)
    )


def _describe_origin(file: Path, user: Mapping[str, Any], name: str) -> str:
    if user.get("tokenFile") and "token" not in user:
        return str(file.parent / user["tokenFile"])
    if user.get("exec") and not user.get("token"):
        return f"the exec plugin {user['exec']['command']} of user {name!r} in kubeconfig {file}"
    return f"user {name!r} in kubeconfig {file}"
