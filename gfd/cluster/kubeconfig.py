"""How the API server is reached by a kubeconfig, or through a proxy.

The kubernetes package finds the server, proves who it is and who we are: contexts, exec plugins, bound tokens
and their renewal, proxies. Its generated classes are left alone: they cost 250 modules and change between
versions.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from kubernetes import config as kube
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject

from gfd.cluster.connection import DEFAULT_KUBECONFIG, Connection, split
from gfd.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


def connect(kubeconfig: Path | None, context: str | None) -> Connection:
    """Return the connection that a kubeconfig means. Raises ApiError; see :mod:`gfd.cluster.connection`."""
    path = (kubeconfig or DEFAULT_KUBECONFIG).expanduser()
    files = list(split(path))
    if not any(file.is_file() for file in files):
        hint = "; name another" if kubeconfig else ", and this is no pod; name one"
        raise ApiError(
            f"kubeconfig {path}: there is no such file{hint} with --kubeconfig", kind="credentials"
        )
    if context is None and len(files) > 1:
        # To kubectl the first that names one counts, to the package the last.
        context, _ = _read_contexts(files)
    with _translated(f"kubeconfig {path}", files, context):
        return _make(lambda configuration: _load(path, context, configuration))


def connect_pod() -> Connection:
    """Return the connection of a pod that reaches the server through a proxy. Raises ApiError."""
    with _translated("the pod's service account", [], None):
        return _make(lambda configuration: kube.load_incluster_config(client_configuration=configuration))


def _make(load: Callable[[Configuration], object]) -> Connection:
    configuration = Configuration()
    # The caller knows better than the pool which request may be made again, and when.
    configuration.retries = False
    load(configuration)
    pool = RESTClientObject(configuration).pool_manager

    def authorization() -> dict[str, str]:
        settings = configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each["in"] == "header" and each["value"]}

    return Connection(configuration.host.rstrip("/"), pool, authorization)


@contextmanager
def _translated(source: str, files: list[Path], context: str | None) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # of the package, of yaml, of ssl, of the file system: it wraps none of them
        lack = (
            _find_lack(files, context)
            or f"cannot be used: {' '.join(str(error).split()) or type(error).__name__}"
        )
        raise ApiError(f"{source} {lack}", kind="credentials") from error


def _load(path: Path, context: str | None, configuration: Configuration) -> None:
    with _heard() as said:
        kube.load_kube_config(config_file=str(path), context=context, client_configuration=configuration)
    # The package only logs that a plugin failed, and would go on as nobody.
    if said and not configuration.api_key:
        raise ValueError(f"its exec plugin failed: {'; '.join(said)}")


@contextmanager
def _heard() -> Iterator[list[str]]:
    """Collect what is logged as an error meanwhile, instead of printing it."""
    said: list[str] = []
    listener = logging.Handler(logging.ERROR)
    listener.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(listener)
    try:
        yield said
    finally:
        logging.getLogger().removeHandler(listener)


def _find_lack(files: list[Path], context: str | None) -> str:
    """Return which context is not there, if that is what is wrong."""
    from gfd.values import did_you_mean

    current, names = _read_contexts(files)
    wanted = context or current
    if not wanted or wanted in names:
        return ""
    return f"has no context {wanted!r}; there are {', '.join(names) or 'none'}{did_you_mean(wanted, names)}"


def _read_contexts(files: list[Path]) -> tuple[str | None, list[str]]:
    """Return the current context and the names of all; nothing where a file is not as it should be."""
    import yaml

    current, names = None, list[str]()
    try:
        for content in (yaml.safe_load(file.read_bytes()) for file in files if file.is_file()):
            current = current or content.get("current-context")
            names += [str(each["name"]) for each in content.get("contexts") or ()]
    except (OSError, yaml.YAMLError, AttributeError, TypeError, KeyError):
        return None, []
    return current, names
