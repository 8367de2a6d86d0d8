"""Which of several configurations a node uses: the device plugin's way, without a sidecar.

A ConfigMap with several configurations is mounted as ``--config-dir``; the Node's label
``nvidia.com/device-plugin.config`` names one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.config.load import load
from gfd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gfd.config.load import Config, Loaded
    from gfd.kube.object_watcher import ObjectWatcher

LABEL = "nvidia.com/device-plugin.config"
DEFAULT = "default"
"""What the fallback strategy ``named`` looks for."""


class Loader:
    """Reads the configuration, anew at each call; where there are several, the one the Node names."""

    def __init__(self, values: Mapping[str, str | Sequence[str] | None], environ: Mapping[str, str]) -> None:
        self._values = values
        self._environ = environ
        self._chosen: str | None = None
        self._version = ""
        """The resourceVersion of the Node at which :attr:`_chosen` was read; empty if it was not."""
        self._watcher: ObjectWatcher | None = None

    def __call__(self) -> Loaded:
        """Return the configuration in force now. Raises ConfigError and ApiError."""
        loaded = load(self._values, self._environ)
        config = loaded.config
        if config.config_dir is None:
            return loaded
        if self._watcher is None:
            self._read(config)
        path = choose(config, self._chosen)
        if path is None:
            return loaded
        chosen = load(self._values, self._environ, path)
        if chosen.config.config_dir != config.config_dir:
            return chosen._replace(config=chosen.config._replace(config_dir=config.config_dir))
        return chosen

    def watch(self, config: Config, on_change: Callable[[], None]) -> None:
        """Call ``on_change``, from another thread, when the Node's label names another configuration."""
        if config.config_dir is None or self._watcher is not None:
            return
        from gfd.kube.client import share
        from gfd.kube.object_watcher import ObjectWatcher
        from gfd.kube.paths import NODES

        def check(metadata: Mapping[str, Any] | None) -> None:
            # A deleted Node does not choose another configuration.
            chosen = self._chosen if metadata is None else _read_label(metadata)
            if chosen != self._chosen:
                self._chosen = chosen
                on_change()

        self._watcher = ObjectWatcher(share(config), NODES, config.node_name or "", check)
        self._watcher.start(self._version)

    def _read(self, config: Config) -> None:
        from gfd.kube.client import METADATA, share
        from gfd.kube.objects import OBJECT
        from gfd.kube.paths import NODES

        path = f"{NODES}/{config.node_name}"
        answer = share(config).request("GET", path, accept=METADATA, schema=OBJECT)
        self._version = answer["metadata"]["resourceVersion"]
        self._chosen = _read_label(answer["metadata"])


def choose(config: Config, name: str | None) -> Path | None:
    """Return the file that ``name``, else the default, else a fallback strategy tells; None for an empty one.

    Raises ConfigError where none of them does.
    """
    directory = config.config_dir
    assert directory is not None
    try:
        names = sorted(each.name for each in directory.iterdir() if each.is_file() and each.name[0] != ".")
    except OSError as error:
        reason = f"cannot read it: {error.strerror}; mount the ConfigMap there"
        raise ConfigError("--config-dir", str(directory), reason) from error
    for wanted, origin in ((name, f"label of node {config.node_name}"), (config.default_config, "default")):
        if wanted:
            if wanted not in names:
                reason = f"{wanted!r} is none of the configurations in {directory}: {', '.join(names)}"
                raise ConfigError(LABEL if wanted == name else "--default-config", origin, reason)
            return directory / wanted
    for strategy in config.fallback_strategies:
        if strategy == "named" and DEFAULT in names:
            return directory / DEFAULT
        if strategy == "single" and len(names) == 1:
            return directory / names[0]
        if strategy == "empty":
            return None
    reason = f"is not set, and no fallback tells which of {', '.join(names)} to use; set --default-config"
    raise ConfigError(LABEL, f"label of node {config.node_name}", reason)


def _read_label(metadata: Mapping[str, Any]) -> str | None:
    return (metadata.get("labels") or {}).get(LABEL) or None
