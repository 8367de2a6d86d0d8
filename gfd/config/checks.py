"""Check options against each other, and against what this version supports."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from gfd.labels.syntax import explain_prefix
from gfd.text import join_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gfd.config.raw_option import RawOption

_SINK_BY_DEFAULT = "USE_NODE_FEATURE_API"
"""The variable that the image sets. It only chooses the default sink, so a named --sink overrides it."""
MIN_PROBE_TIMEOUT_S, MAX_PROBE_TIMEOUT_S = 0.1, 3600.0

_MINIMUMS = (
    ("sleep_interval_s", 0.0, "must be longer than 0; use one like 60s"),
    ("label_ttl_s", 0.0, "must be longer than 0; use one like 10m, or off"),
    ("stale_after_s", 0.0, "must be longer than 0; use one like 1h, or off"),
    ("kube_api_qps", 0.0, "must be more than 0; use one like 5"),
    ("kube_api_burst", 0, "must be 1 or more; use one like 10"),
)
"""Tuples of a field, the largest value that is too small, and the reason for the error message."""


def check(values: Mapping[str, Any], effective: Mapping[str, RawOption]) -> None:
    """Check all options except those that only publishing needs. Raises ConfigError."""
    for name, too_small, reason in _MINIMUMS:
        if values[name] is not None and values[name] <= too_small:
            raise effective[name].error(reason)
    _check_durations(values, effective)
    _check_keys(values, effective)
    _check_simulation(values, effective)
    if values["config_dir"] and not values["node_name"]:
        raise effective["config_dir"].error(
            "needs the name of the node, since a label of the node chooses the configuration;"
            " pass --node-name or set NODE_NAME"
        )


def check_sinks(values: Mapping[str, Any], effective: Mapping[str, RawOption]) -> None:
    """Check that the sinks do not conflict and that none lacks an option. Raises ConfigError."""
    sinks = values["sinks"]
    if "file" in sinks and not values["output_file"]:
        raise effective["sinks"].error(
            "the file sink needs --output-file, which is empty; name a file or use stdout"
        )
    node_feature = effective["use_node_feature_api"]
    is_default = node_feature.origin == _SINK_BY_DEFAULT
    if values["use_node_feature_api"] and "nodefeature" not in sinks and not is_default:
        raise node_feature.error(
            f"--sink ({effective['sinks'].origin}) is {join_words(sinks, 'and')};"
            " add nodefeature to it, or use only one of the two options"
        )
    for other in ("nodefeature", "file"):
        if {"node", other} <= set(sinks):
            raise effective["sinks"].error(
                f"node and {other} would publish the same keys twice, once through NFD; choose one"
            )
    for sink in ("nodefeature", "node"):
        if sink in sinks and not values["node_name"]:
            is_named = effective["sinks"].origin != "default"
            raise (effective["sinks"] if is_named else node_feature).error(
                f"{sink} needs the name of the node; pass --node-name, or in a pod set NODE_NAME from"
                f" spec.nodeName{'' if is_named else '; or choose another --sink'}"
            )
    if values["node_condition"] and not values["node_name"]:
        raise effective["node_condition"].error(
            "needs the name of the node; pass --node-name, or in a pod set NODE_NAME from spec.nodeName"
        )
    if values["node_condition"] and values["oneshot"]:
        raise effective["node_condition"].error(
            "needs the service, which keeps the condition up to date; remove --oneshot"
        )
    if values["as_annotations"] and "node" not in sinks:
        raise effective["as_annotations"].error("needs --sink node; only that sink writes annotations")


def _check_durations(values: Mapping[str, Any], effective: Mapping[str, RawOption]) -> None:
    interval_s, ttl_s = values["sleep_interval_s"], values["label_ttl_s"]
    if ttl_s is not None and not values["oneshot"] and (interval_s is None or ttl_s <= interval_s):
        interval = effective["sleep_interval_s"]
        raise effective["label_ttl_s"].error(
            f"must be longer than the sleep interval, {interval.texts[-1]} ({interval.origin});"
            " otherwise labels expire before they are renewed"
        )
    timeout_s = values["probe_timeout_s"]
    if timeout_s is None or not MIN_PROBE_TIMEOUT_S <= timeout_s <= MAX_PROBE_TIMEOUT_S:
        raise effective["probe_timeout_s"].error("must be from 100ms to 1h; use one like 30s")


def _check_keys(values: Mapping[str, Any], effective: Mapping[str, RawOption]) -> None:
    """Check the options about label keys."""
    try:
        with warnings.catch_warnings():  # Python warns about some valid expressions
            warnings.simplefilter("ignore")
            re.compile(values["as_annotations"] or "")
    except (re.error, OverflowError, RecursionError) as error:
        raise effective["as_annotations"].error(f"is not a regular expression: {error}") from None
    for prefix in values["label_prefix_allow"]:
        if reason := explain_prefix(prefix):
            raise effective["label_prefix_allow"].error(reason)


def _check_simulation(values: Mapping[str, Any], effective: Mapping[str, RawOption]) -> None:
    for name, hint in (("mig", "; gfd select asks for a MIG device with --mig-profile"), ("mig_config", "")):
        if values[name] and not values["simulate"]:
            raise effective[name].error(f"needs --simulate, since it describes a simulated machine{hint}")
    if values["mig_config"] and not values["mig"]:
        raise effective["mig_config"].error("needs --mig with a file that has this configuration")
