"""The configuration as the rest of gfd uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from gfd.config.option import Option
    from gfd.labels.sharing import Sharing


class Config(NamedTuple):
    """The value of every option; :mod:`gfd.config.options` describes them."""

    mig_strategy: str
    """``mixed`` unless :attr:`has_device_plugin`."""
    fail_on_init_error: bool
    oneshot: bool
    no_timestamp: bool
    sleep_interval_s: float | None
    """None: label only once, and keep running."""
    output_file: str
    """Empty: standard output."""
    machine_type_file: str
    config_file: Path | None
    use_node_feature_api: bool
    device_discovery_strategy: str
    """A key of :data:`gfd.probe.strategies.READERS`."""
    driver_root: Path | None
    kubeconfig: Path | None
    kube_api_qps: float
    kube_api_burst: int
    node_name: str | None
    namespace: str
    pod_name: str | None
    sinks: tuple[str, ...]
    """Never empty."""
    config_dir: Path | None
    """Has one config file for each configuration; None: there is only one configuration."""
    default_config: str | None
    fallback_strategies: tuple[str, ...]
    context: str | None
    """A context of the kubeconfig; None: the current one."""
    as_annotations: str | None
    """A regular expression that matches whole keys; None: no annotations."""
    force_conflicts: bool
    resync_s: float | None
    """None: never."""
    allocation: str
    """``device-plugin``, ``dra`` or ``auto``, which :attr:`has_device_plugin` answers."""
    extra_labels: tuple[str, ...]
    """Names of groups; ``all`` is replaced with the names of all groups."""
    template_dir: Path | None
    label_prefix_allow: tuple[str, ...]
    label_ttl_s: float | None
    """None: labels do not expire."""
    strict_config: bool
    unified_memory: bool
    probe_timeout_s: float
    stale_after_s: float | None
    """None: stale labels stay."""
    node_condition: bool
    proc_driver_dir: Path | None
    """None: do not watch for changes."""
    metrics_addr: tuple[str, int] | None
    """Host and port; an empty host means every address; None: no server."""
    log_level: str
    log_format: str
    simulate: str | None
    mig: str | None
    mig_config: str | None
    sharing: Sharing
    has_device_plugin: bool = True
    """Whether pods get GPUs from the device plugin; otherwise by Dynamic Resource Allocation (DRA)."""


class EffectiveOption(NamedTuple):
    """The value of one option and its origin, as text."""

    option: Option
    text: str
    origin: str
    """``--mig-strategy``, ``MIG_STRATEGY``, ``config.yaml:12`` or ``default``."""


class LoadedConfig(NamedTuple):
    """A configuration, its warnings and the origin of each value."""

    config: Config
    warnings: tuple[str, ...]
    """One sentence each, with file and line."""
    options: tuple[EffectiveOption, ...]
    """All options, in the order of the options table."""
    sharing_place: str = ""
    """File and line of the sharing in the config file; empty without sharing."""
