"""The configuration in force: flags before environment before config file before defaults."""

from __future__ import annotations

import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gfd.config.options import COMMAND_LINE, EXTRA_LABELS, OPTIONS, SINKS, Option
from gfd.config.raw import Given, take_default
from gfd.config.values import format_value
from gfd.errors import ConfigError
from gfd.files import describe_unsafe_file
from gfd.labels.sharing import Sharing
from gfd.labels.syntax import distrust_prefix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gfd.config.file import ConfigFile

CONFIG_FILE = next(option for option in OPTIONS if option.field == "config_file")
MIN_PROBE_S, MAX_PROBE_S = 0.1, 3600.0


class Config(NamedTuple):
    """Every option, typed and checked; see :mod:`gfd.config.options` for what each means."""

    mig_strategy: str
    fail_on_init_error: bool
    oneshot: bool
    no_timestamp: bool
    sleep_interval_s: float | None
    """None: label once and wait."""
    output_file: str
    """Empty: standard output."""
    machine_type_file: str
    config_file: Path | None
    use_node_feature_api: bool
    device_discovery_strategy: str
    """``nvml``; ``auto`` has become that."""
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
    """With one file a configuration; None: there are none to choose from."""
    default_config: str | None
    fallback_strategies: tuple[str, ...]
    context: str | None
    """Of the kubeconfig; None: its current one."""
    as_annotations: str | None
    """A regular expression for whole keys; None: none."""
    force_conflicts: bool
    resync_s: float | None
    """None: never."""
    extra_labels: tuple[str, ...]
    """Groups by name; ``all`` has become every one of them."""
    template_dir: Path | None
    label_prefix_allow: tuple[str, ...]
    label_ttl_s: float | None
    """None: labels do not lapse."""
    strict_config: bool
    probe_timeout_s: float
    stale_after_s: float | None
    """None: stale labels stay."""
    proc_driver_dir: Path | None
    """None: not watched."""
    metrics_addr: tuple[str, int] | None
    """Host, empty for every address, and port; None: nothing is served."""
    log_level: str
    log_format: str
    simulate: str | None
    mig: str | None
    mig_config: str | None
    sharing: Sharing


class Setting(NamedTuple):
    """One option as it is in force, to show to a person."""

    option: Option
    text: str
    origin: str
    """``--mig-strategy``, ``MIG_STRATEGY``, ``config.yaml:12`` or ``default``."""


class Loaded(NamedTuple):
    """A configuration, and what a person may want to know about how it came to be."""

    config: Config
    warnings: tuple[str, ...]
    """One sentence each, with file and line."""
    settings: tuple[Setting, ...]
    """In the order of the options table."""


def load(
    argv_values: Mapping[str, str | Sequence[str] | None],
    environ: Mapping[str, str],
    chosen: Path | None = None,
) -> Loaded:
    """Return the configuration that flags, environment and config file make.

    ``argv_values`` holds texts by the options' field names, a sequence for a repeatable flag, None for a
    flag that is not given. ``chosen`` is the file of ``--config-dir`` that takes the place of
    ``--config-file``. Raises ConfigError for what cannot be used.
    """
    given = {option.field: _from_outside(option, argv_values, environ) for option in OPTIONS}
    named_by = given["config_file"]
    if chosen is not None:
        named_by = given["config_dir"]
        given["config_file"] = Given(option=CONFIG_FILE, texts=(str(chosen),), origin="--config-dir")
    file = _read_file(named_by, chosen)
    effective = {
        option.field: given[option.field] or _from_file(option, file) or take_default(option)
        for option in OPTIONS
    }
    values = {name: one.parse() for name, one in effective.items()}
    _check(values, effective)
    _check_keys(values, effective)
    _check_simulation(values, effective)
    _resolve(values, effective)
    config = Config(**values, sharing=file.sharing if file else Sharing())
    return Loaded(
        config=config,
        warnings=_warnings(file, config.strict_config) if file else (),
        settings=tuple(_setting(one, values[name]) for name, one in effective.items()),
    )


def _from_outside(
    option: Option, argv_values: Mapping[str, str | Sequence[str] | None], environ: Mapping[str, str]
) -> Given | None:
    """Return what the command line says, else what the environment says; an empty variable says nothing."""
    value = argv_values.get(option.field)
    if value is not None:
        texts = (value,) if isinstance(value, str) else tuple(value)
        return Given(option=option, texts=texts, origin=option.flag)
    for name in option.environment:
        if text := environ.get(name):
            return Given(option=option, texts=(text,), origin=name)
    return None


def _read_file(named_by: Given | None, chosen: Path | None) -> ConfigFile | None:
    """Read the file that ``named_by`` names, or ``chosen`` in the directory that it names."""
    if named_by is None or not named_by.texts[-1]:
        return None
    from gfd.config import file  # only who has a config file pays for reading one

    named_by.parse()  # refuses what cannot be a path
    path = chosen or Path(named_by.texts[-1])
    reason = describe_unsafe_file(path)
    if reason is not None:
        raise named_by.refusal(reason)
    origin = COMMAND_LINE if named_by.origin == named_by.option.flag else named_by.origin
    return file.read(path, named_by.option.flag, origin)


def _from_file(option: Option, file: ConfigFile | None) -> Given | None:
    if file is None or option.file_key is None or option.file_key not in file.values:
        return None
    value = file.values[option.file_key]
    return Given(option=option, texts=value.texts, origin=f"{file.source}:{value.line}")


def _check(values: Mapping[str, Any], effective: Mapping[str, Given]) -> None:
    """Refuse what no single option is wrong about, or what this version cannot do."""
    interval_s, ttl_s = values["sleep_interval_s"], values["label_ttl_s"]
    if interval_s is not None and interval_s <= 0:
        raise effective["sleep_interval_s"].refusal("must be longer than 0; write one like 60s")
    if ttl_s is not None and not values["oneshot"] and (interval_s is None or ttl_s <= interval_s):
        interval = effective["sleep_interval_s"]
        raise effective["label_ttl_s"].refusal(
            f"must exceed the sleep interval, {interval.texts[-1]} ({interval.origin}),"
            " or labels lapse before they are renewed"
        )
    if ttl_s is not None and ttl_s <= 0:
        raise effective["label_ttl_s"].refusal("must be longer than 0; write one like 10m, or off")
    timeout_s = values["probe_timeout_s"]
    if timeout_s is None or not MIN_PROBE_S <= timeout_s <= MAX_PROBE_S:
        raise effective["probe_timeout_s"].refusal("must be from 100ms to 1h; write one like 30s")
    if values["stale_after_s"] is not None and values["stale_after_s"] <= 0:
        raise effective["stale_after_s"].refusal("must be longer than 0; write one like 1h, or off")
    if values["kube_api_qps"] <= 0:
        raise effective["kube_api_qps"].refusal("must be more than 0; write one like 5")
    if values["kube_api_burst"] < 1:
        raise effective["kube_api_burst"].refusal("must be 1 or more; write one like 10")
    if (strategy := values["device_discovery_strategy"]) in {"tegra", "vfio"}:
        raise effective["device_discovery_strategy"].refusal(
            f"{strategy} is not supported yet; use auto or nvml"
        )


def _check_keys(values: Mapping[str, Any], effective: Mapping[str, Given]) -> None:
    """Refuse expressions that do not compile, and prefixes that belong to others."""
    try:
        with warnings.catch_warnings():  # about what later versions of Python may read in another way
            warnings.simplefilter("ignore")
            re.compile(values["as_annotations"] or "")
    except (re.error, OverflowError, RecursionError) as error:
        raise effective["as_annotations"].refusal(f"is no regular expression: {error}") from None
    for prefix in values["label_prefix_allow"]:
        if (reason := distrust_prefix(prefix)) is not None:
            raise effective["label_prefix_allow"].refusal(reason)


def _check_simulation(values: Mapping[str, Any], effective: Mapping[str, Given]) -> None:
    for name in ("mig", "mig_config"):
        if values[name] and not values["simulate"]:
            raise effective[name].refusal("needs --simulate: it describes a simulated machine")
    if values["mig_config"] and not values["mig"]:
        raise effective["mig_config"].refusal("needs --mig, the file it is a configuration of")


def _resolve(values: dict[str, Any], effective: Mapping[str, Given]) -> None:
    """Put what is meant in the place of ``auto``, ``all``, and a sink that is not named."""
    values["device_discovery_strategy"] = "nvml"
    for name in ("output_file", "machine_type_file", "namespace"):  # empty means something, or nothing at all
        values[name] = str(values[name] or "")
    if "all" in values["extra_labels"]:
        values["extra_labels"] = EXTRA_LABELS
    sinks = effective["sinks"]
    if sinks.origin == "default":
        values["sinks"] = ("file",) if values["output_file"] else ("stdout",)
        if values["use_node_feature_api"]:
            values["sinks"] = ("nodefeature",)
    elif not values["sinks"]:
        raise sinks.refusal(f"names no sink; there are {', '.join(SINKS)}")
    elif "file" in values["sinks"] and not values["output_file"]:
        raise sinks.refusal("the file sink needs --output-file, which is empty; name a file or use stdout")
    _check_sinks(values, effective)


def _check_sinks(values: Mapping[str, Any], effective: Mapping[str, Given]) -> None:
    sinks = values["sinks"]
    if values["use_node_feature_api"] and "nodefeature" not in sinks:
        raise effective["use_node_feature_api"].refusal(
            f"--sink ({effective['sinks'].origin}) says {', '.join(sinks)}; add nodefeature, or leave one out"
        )
    for other in ("nodefeature", "file"):
        if {"node", other} <= set(sinks):
            raise effective["sinks"].refusal(
                f"node and {other} would publish the same keys twice, by NFD and on the Node; choose one"
            )
    for sink in ("nodefeature", "node"):
        if sink in sinks and not values["node_name"]:
            is_named = effective["sinks"].origin != "default"
            raise effective["sinks" if is_named else "use_node_feature_api"].refusal(
                f"{sink} needs the name of the node; set NODE_NAME, in a pod from spec.nodeName"
            )
    if values["config_dir"] and not values["node_name"]:
        raise effective["config_dir"].refusal(
            "needs the name of the node, whose label chooses; set NODE_NAME"
        )
    if values["as_annotations"] and "node" not in sinks:
        raise effective["as_annotations"].refusal("needs --sink node: only a Node takes annotations")


def _warnings(file: ConfigFile, is_strict: bool) -> tuple[str, ...]:
    """Return what the file deserves to be warned about; under --strict-config an unknown key is refused."""
    for key in file.unknown_keys if is_strict else ():
        reason = f"unknown key; correct or remove it, or leave out --strict-config{key.hint}"
        raise ConfigError(key.path, f"{file.source}:{key.line}", reason)
    unknown = (
        f"{file.source}:{key.line}: unknown key {key.path} is ignored{key.hint}" for key in file.unknown_keys
    )
    return (*file.warnings, *unknown)


def _setting(given: Given, value: Any) -> Setting:
    """Return a bool and a list as they were understood, and anything else as it was written."""
    is_spelled = given.option.kind in {"bool", "list"}
    text = format_value(value) if is_spelled else "".join(given.texts[-1:])
    return Setting(option=given.option, text=text, origin=given.origin)
