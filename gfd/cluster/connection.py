"""How the API server is reached: by a kubeconfig, or by the pod's own service account.

The kubernetes package finds the server, proves who it is and who we are: contexts, exec plugins, bound tokens
and their renewal. Its generated classes are left alone: they cost 250 modules and change between versions.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kubernetes import config as kube
from kubernetes.client import Configuration
from kubernetes.client.rest import RESTClientObject

from gfd.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from urllib3 import PoolManager

DEFAULT_KUBECONFIG = Path("~/.kube/config")


class Connection:
    """A server, and what to show it."""

    def __init__(self, host: str, pool: PoolManager, configuration: Any) -> None:
        """``host`` is such as ``https://10.96.0.1:443``."""
        self.host = host
        self.pool = pool
        self._configuration = configuration

    def authorization(self) -> dict[str, str]:
        """Return the headers that say who we are; a token that is renewed on disk is read again."""
        settings = self._configuration.auth_settings().values()
        return {each["key"]: each["value"] for each in settings if each["in"] == "header" and each["value"]}


def connect(kubeconfig: Path | None, context: str | None = None) -> Connection:
    """Read the credentials there are now. Raises ApiError where there are none, or none that can be used.

    ``kubeconfig`` may be several files, as kubectl takes them from KUBECONFIG.
    """
    configuration = Configuration()
    # The caller knows better than the pool which request may be made again, and when.
    configuration.retries = False
    source, files = "the pod's service account", list[Path]()
    try:
        if kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
            kube.load_incluster_config(client_configuration=configuration)
        else:
            path = (kubeconfig or DEFAULT_KUBECONFIG).expanduser()
            source, files = f"kubeconfig {path}", list(split(path))
            if not any(file.is_file() for file in files):
                hint = "; name another" if kubeconfig else ", and this is no pod; name one"
                raise ApiError(f"{source}: there is no such file{hint} with --kubeconfig", kind="credentials")
            if context is None and len(files) > 1:
                # To kubectl the first that names one counts, to the package the last.
                context, _ = _read_contexts(files)
            _load(path, context, configuration)
        pool = RESTClientObject(configuration).pool_manager
    except ApiError:
        raise
    except Exception as error:  # of the package, of yaml, of ssl, of the file system: it wraps none of them
        lack = (
            _find_lack(files, context)
            or f"cannot be used: {' '.join(str(error).split()) or type(error).__name__}"
        )
        raise ApiError(f"{source} {lack}", kind="credentials") from error
    return Connection(configuration.host.rstrip("/"), pool, configuration)


def split(kubeconfig: Path) -> Iterator[Path]:
    """Yield the files that KUBECONFIG or --kubeconfig names."""
    for name in str(kubeconfig).split(os.pathsep):
        if name:
            yield Path(name).expanduser()


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
