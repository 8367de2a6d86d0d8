"""Load the configuration that a node's label names. NVIDIA's device plugin needs a sidecar for that.

A ConfigMap with several configurations is mounted as ``--config-dir``; the Node's label
``nvidia.com/device-plugin.config`` names one of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gfd.config.allocation import AllocationFinder
from gfd.config.loader import load
from gfd.errors import ConfigError
from gfd.labels.syntax import VENDOR
from gfd.text import suggest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gfd.config.model import Config, LoadedConfig
    from gfd.kube.object_watcher import ObjectWatcher

LABEL = f"{VENDOR}device-plugin.config"
DEFAULT = "default"
"""The name of the file for the fallback strategy ``named``."""


class ConfigLoader:
    """Loads the configuration again at each call, with the file that the Node's label names."""

    def __init__(
        self,
        values: Mapping[str, str | Sequence[str] | None],
        environ: Mapping[str, str],
        *,
        is_publishing: bool = True,
        is_labelling: bool = True,
    ) -> None:
        """Unless ``is_publishing``, the options of sinks need not fit together.

        Unless ``is_labelling``, the cluster is not asked how pods get GPUs (``--allocation auto``).
        """
        self._is_publishing = is_publishing
        self._allocation = AllocationFinder() if is_labelling else None
        self._values = values
        self._environ = environ
        self._name: str | None = None
        """The value of the label: the name of a file."""
        self._version = ""
        """The resourceVersion of the Node when the label was read; empty before that."""
        self._watcher: ObjectWatcher | None = None

    def __call__(self) -> LoadedConfig:
        """Return the configuration in force. Raises ConfigError and ApiError."""
        loaded = self._load()
        return self._allocation.resolve(loaded) if self._allocation else loaded

    def _load(self) -> LoadedConfig:
        loaded = load(self._values, self._environ, is_publishing=self._is_publishing)
        config = loaded.config
        if config.config_dir is None:
            return loaded
        if self._watcher is None:
            self._read_label(config)
        path = choose_file(config, self._name)
        if path is None:
            return loaded
        chosen = load(self._values, self._environ, path, is_publishing=self._is_publishing)
        if chosen.config.config_dir != config.config_dir:
            return chosen._replace(config=chosen.config._replace(config_dir=config.config_dir))
        return chosen

    def watch(self, config: Config, on_change: Callable[[], None]) -> None:
        """Call ``on_change``, from another thread, when the label names another file."""
        if config.config_dir is None or self._watcher is not None:
            return
        from gfd.kube.client import share
        from gfd.kube.object_watcher import ObjectWatcher
        from gfd.kube.paths import NODES

        def read_change(metadata: Mapping[str, Any] | None) -> None:
            # When the Node is deleted, keep the file.
            name = self._name if metadata is None else _find_name(metadata)
            if name != self._name:
                self._name = name
                on_change()

        self._watcher = ObjectWatcher(share(config), NODES, config.node_name or "", read_change)
        self._watcher.start(self._version)

    def _read_label(self, config: Config) -> None:
        from gfd.kube.client import METADATA, share
        from gfd.kube.objects import OBJECT
        from gfd.kube.paths import NODES

        path = f"{NODES}/{config.node_name}"
        node = share(config).request("GET", path, accept=METADATA, schema=OBJECT)
        self._version = node["metadata"]["resourceVersion"]
        self._name = _find_name(node["metadata"])


def choose_file(config: Config, name: str | None) -> Path | None:
    """Return the config file to use; None for an empty configuration.

    That is the file ``name``, which comes from the Node's label, else ``--default-config``, else the file
    that a fallback strategy chooses. Raises ConfigError if it does not exist or nothing chooses a file.
    """
    directory = config.config_dir
    assert directory is not None
    try:
        names = sorted(each.name for each in directory.iterdir() if each.is_file() and each.name[0] != ".")
    except OSError as error:
        reason = f"cannot read it: {error.strerror}; mount the ConfigMap there"
        raise ConfigError("--config-dir", str(directory), reason) from error
    found = ", ".join(names) or "nothing"
    label_origin = f"label of node {config.node_name}"
    for option, wanted, origin in (
        (LABEL, name, label_origin),
        ("--default-config", config.default_config, "default"),
    ):
        if wanted:
            if wanted not in names:
                reason = (
                    f"{directory} has no configuration {wanted!r}, it has {found}{suggest(wanted, names)}"
                )
                raise ConfigError(option, origin, reason)
            return directory / wanted
    for strategy in config.fallback_strategies:
        if strategy == "named" and DEFAULT in names:
            return directory / DEFAULT
        if strategy == "single" and len(names) == 1:
            return directory / names[0]
        if strategy == "empty":
            return None
    reason = f"is not set, and no fallback strategy chooses between {found}; set --default-config"
    raise ConfigError(LABEL, label_origin, reason)


def _find_name(metadata: Mapping[str, Any]) -> str | None:
    return (metadata.get("labels") or {}).get(LABEL) or None
