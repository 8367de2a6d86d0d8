"""What a kubeconfig says of a context, checked before the kubernetes package acts on it.

The package takes it on trust, and quotes from it, credentials too, in what it raises.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfd.errors import ApiError, DocumentError
from gfd.files import CONFIGURATION_BYTES, read_bytes
from gfd.kube.schema import SchemaError, array_of, boolean, map_of, object_of, string
from gfd.text import remember_credentials

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

DEFAULT_KUBECONFIG = Path("~/.kube/config")


def _encoded(value: Any) -> None:
    """Take a string in base64."""
    string(value)
    try:
        b64decode(value)
    except ValueError:
        raise SchemaError("is not base64") from None


def _scalar(value: Any) -> None:
    """Take what stands on one line; YAML reads some as a number or a time."""
    if isinstance(value, dict | list):
        raise SchemaError("is not a string")


def _url(value: Any) -> None:
    """Take the URL of a server."""
    string(value)
    if not value.startswith(("https://", "http://")):
        raise SchemaError("does not begin with https:// or http://")


_NAMED = object_of({"name": string}, "name")
_FILE = object_of(
    {kind: array_of(_NAMED) for kind in ("contexts", "clusters", "users")} | {"current-context": string}
)
_CONTEXT = object_of({"cluster": string, "user": string, "namespace": string}, "cluster")
_CLUSTER = object_of(
    {
        "server": _url,
        "certificate-authority": string,
        "certificate-authority-data": _encoded,
        "insecure-skip-tls-verify": boolean,
        "tls-server-name": string,
        "proxy-url": string,
    },
    "server",
)
_VARIABLE = object_of({"name": string, "value": string}, "name", "value")
_EXEC = {"apiVersion": string, "command": string, "args": array_of(string), "env": array_of(_VARIABLE)}
_USER = object_of(
    {
        **dict.fromkeys(("token", "tokenFile", "username", "password"), string),
        **dict.fromkeys(("client-certificate", "client-key"), string),
        **dict.fromkeys(("client-certificate-data", "client-key-data"), _encoded),
        "exec": object_of(_EXEC, "apiVersion", "command"),
        "auth-provider": object_of({"name": string, "config": map_of(_scalar)}, "name"),
    }
)
_PARTS = {"context": _CONTEXT, "cluster": _CLUSTER, "user": _USER}
_SECRET = ("token", "password", "client-key-data")
_TELLING = re.compile(r"(?i)token|secret|password|passwd|key")
"""What of the settings of a plugin or a provider is a credential, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KubeconfigContext:
    """The context in force."""

    context: str
    origin: str
    """Where its credential comes from, in words."""
    proxy: str | None
    """The URL of the proxy on the way to the server; the oldest kubernetes package does not read it."""


def read_context(source: str, files: Sequence[Path], context: str | None) -> KubeconfigContext:
    """Return the context of that name, or the current one. Raises ApiError that says what is wrong.

    ``source`` is what a person calls ``files``. As for kubectl, the first that says something counts.
    """
    contents = {file: _read(file) for file in files if os.path.exists(file)}  # noqa: PTH110 - it raises nothing
    current = next(filter(None, (each.get("current-context") for each in contents.values())), "")
    wanted = context or current
    if not wanted:
        raise _refusal(source, "has no current context; name one with --context")
    _, found = _find(source, contents, "context", wanted)
    _, cluster = _find(source, contents, "cluster", found["cluster"])
    proxy = cluster.get("proxy-url")
    if not found.get("user"):
        return KubeconfigContext(context=wanted, origin=source, proxy=proxy)
    file, user = _find(source, contents, "user", found["user"])
    remember_credentials(*_secrets(user))
    return KubeconfigContext(context=wanted, origin=_name_origin(file, user, found["user"]), proxy=proxy)


def split_paths(kubeconfig: Path) -> Iterator[Path]:
    """Yield the files that KUBECONFIG or --kubeconfig names."""
    for name in str(kubeconfig).split(os.pathsep):
        if name:
            # Path.expanduser raises where the home directory is unknown, as in a container.
            yield Path(os.path.expanduser(name))  # noqa: PTH111


def _refusal(source: str | Path, reason: str) -> ApiError:
    return ApiError(f"{source} {reason}", kind="credentials")


def _read(file: Path) -> dict[str, Any]:
    """Return the content of a kubeconfig. Raises ApiError."""
    from gfd.documents.reader import read

    try:
        content = read(read_bytes(file, CONFIGURATION_BYTES), str(file)).plain()
        _FILE(content)
    except OSError as error:
        raise _useless(file, str(error.strerror)) from error
    except DocumentError as error:
        # Its text could quote a token.
        raise _useless(file, f"line {error.line} is not valid YAML") from error
    except SchemaError as error:
        raise _useless(file, str(error)) from error
    return dict(content)


def _useless(file: Path, reason: str) -> ApiError:
    return _refusal(f"kubeconfig {file}", f"cannot be used: {reason}")


def _find(
    source: str, contents: Mapping[Path, Mapping[str, Any]], kind: str, name: str
) -> tuple[Path, dict[str, Any]]:
    """Return what is called ``name``, and the file that it is in. Raises ApiError."""
    from gfd.text import suggest

    names = []
    for file, content in contents.items():
        for index, entry in enumerate(content.get(f"{kind}s") or ()):
            names.append(entry["name"])
            if entry["name"] != name:
                continue
            try:
                object_of({kind: _PARTS[kind]}, kind)(entry)
            except SchemaError as error:
                raise _useless(file, str(error.within(f"{kind}s[{index}]"))) from error
            _check_files(file, kind, entry[kind])
            return file, entry[kind]
    near = suggest(name, names)
    raise _refusal(source, f"has no {kind} {name!r}; there are {', '.join(names) or 'none'}{near}")


def _check_files(file: Path, kind: str, entry: Mapping[str, Any]) -> None:
    """Raise ApiError where a file cannot be read that the package is going to read."""
    names = ("certificate-authority",) if kind == "cluster" else ("client-certificate", "client-key")
    wanted = [name for name in names if entry.get(name) and f"{name}-data" not in entry]
    wanted += ["tokenFile"] if entry.get("tokenFile") and "token" not in entry else []
    for name in wanted:
        path = file.parent / entry[name]
        try:
            read_bytes(path, CONFIGURATION_BYTES)
        except OSError as error:
            raise _useless(file, f"{name} {path}: {error.strerror}") from error


def _secrets(user: Mapping[str, Any]) -> Iterator[str]:
    yield from (user[name] for name in _SECRET if user.get(name))
    config = (user.get("auth-provider") or {}).get("config") or {}
    env = {each["name"]: each["value"] for each in (user.get("exec") or {}).get("env") or ()}
    # The names of a region or of a client are no secrets, and stand in the names of servers.
    yield from (
        value for name, value in {**config, **env}.items() if _TELLING.search(name) and isinstance(value, str)
    )


def _name_origin(file: Path, user: Mapping[str, Any], name: str) -> str:
    if user.get("tokenFile") and "token" not in user:
        return str(file.parent / user["tokenFile"])
    if user.get("exec") and not user.get("token"):
        return f"the exec plugin {user['exec']['command']} of user {name!r} in kubeconfig {file}"
    return f"user {name!r} in kubeconfig {file}"
