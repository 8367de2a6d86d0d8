"""Options that cannot be used, alone or together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gfd.config.loader import load
from gfd.errors import ConfigError


@pytest.mark.parametrize(
    ("values", "environ", "message"),
    [
        (
            {"mig_strategy": "singel"},
            {},
            "--mig-strategy (command line): 'singel' is not a valid value; choose none, single or mixed; did",
        ),
        ({}, {"MIG_STRATEGY": "x"}, "--mig-strategy (MIG_STRATEGY): 'x' is not a valid value"),
        ({"mig_strategy": ""}, {}, "--mig-strategy (command line): '' is not a valid value"),
        (
            {},
            {"GFD_SLEEP_INTERVAL": "60"},
            "--sleep-interval (GFD_SLEEP_INTERVAL): '60' has no unit; did you mean 60s",
        ),
        ({"sleep_interval_s": "0"}, {}, "--sleep-interval (command line): must be longer than 0"),
        ({"sleep_interval_s": "-1s"}, {}, "--sleep-interval (command line): must be longer than 0"),
        ({"sleep_interval_s": ""}, {}, "--sleep-interval (command line): '' is not a duration"),
        ({"sleep_interval_s": "off"}, {}, "--sleep-interval (command line): 'off' is not a duration"),
        ({"oneshot": "yes"}, {}, "--oneshot (command line): 'yes' is not a boolean"),
        ({"kube_api_qps": "many"}, {}, "--kube-api-qps (command line): 'many' is not a number"),
        ({"kube_api_burst": "1.5"}, {}, "--kube-api-burst (command line): '1.5' is not a whole number"),
        (
            {"device_discovery_strategy": "nvm"},
            {},
            "--device-discovery-strategy (command line): 'nvm' is not a",
        ),
        (
            {},
            {"USE_NODE_FEATURE_API": "true"},
            "--use-node-feature-api (USE_NODE_FEATURE_API): nodefeature needs the name of the node",
        ),
        (
            {"sinks": ["stdout"]},
            {"GFD_USE_NODE_FEATURE_API": "true"},
            "--use-node-feature-api (GFD_USE_NODE_FEATURE_API): --sink (--sink) is stdout; add nodefeature",
        ),
        (
            {"sinks": ["node"]},
            {},
            "--sink (command line): node needs the name of the node; pass --node-name",
        ),
        (
            {"sinks": ["node,nodefeature"]},
            {"NODE_NAME": "n"},
            "--sink (command line): node and nodefeature would publish the same keys twice, once through NFD",
        ),
        (
            {},
            {"GFD_SINK": "file,node", "NODE_NAME": "n"},
            "--sink (GFD_SINK): node and file would publish the same keys twice",
        ),
        ({}, {"GFD_CONFIG_DIR": "/x"}, "--config-dir (GFD_CONFIG_DIR): needs the name of the node"),
        ({"as_annotations": "x"}, {}, "--as-annotations (command line): needs --sink node"),
        (
            {"label_prefix_allow": ["example.com", "x.kubernetes.io/"]},
            {},
            "--label-prefix-allow (command line): x.kubernetes.io belongs to Kubernetes; use a prefix",
        ),
        (
            {},
            {"GFD_LABEL_PREFIX_ALLOW": "Example.com"},
            "--label-prefix-allow (GFD_LABEL_PREFIX_ALLOW): 'Example.com' is not the prefix of a label key",
        ),
        (
            {"as_annotations": "("},
            {},
            "--as-annotations (command line): is not a regular expression: missing )",
        ),
        ({"kube_api_qps": "0"}, {}, "--kube-api-qps (command line): must be more than 0; use one like 5"),
        ({"kube_api_burst": "0"}, {}, "--kube-api-burst (command line): must be 1 or more"),
        ({"sinks": ["stdut"]}, {}, "--sink (command line): 'stdut' is not a valid value"),
        ({"sinks": [""]}, {}, "--sink (command line): no sink is given; choose stdout, file"),
        ({"sinks": []}, {}, "--sink (command line): no sink is given"),
        (
            {"sinks": ["file"], "output_file": ""},
            {},
            "--sink (command line): the file sink needs --output-file",
        ),
        ({"extra_labels": ["pci"]}, {}, "--extra-labels (command line): 'pci' is not a valid value"),
        ({"log_level": "warn"}, {}, "--log-level (command line): 'warn' is not a valid value"),
        ({"log_format": "jsn"}, {}, "--log-format (command line): 'jsn' is not a valid value"),
        (
            {"label_ttl_s": "60s"},
            {},
            "--label-ttl (command line): must be longer than the sleep interval, 60s (default);",
        ),
        (
            {"label_ttl_s": "2h", "sleep_interval_s": "infinite"},
            {},
            "--label-ttl (command line): must be longer than the sleep interval",
        ),
        ({"label_ttl_s": "0s", "oneshot": "1"}, {}, "--label-ttl (command line): must be longer than 0"),
        ({"mig": "x"}, {}, "--mig (command line): needs --simulate"),
        ({}, {"GFD_MIG_CONFIG": "x"}, "--mig-config (GFD_MIG_CONFIG): needs --simulate"),
        ({"simulate": "x", "mig_config": "y"}, {}, "--mig-config (command line): needs --mig"),
        ({"config_file": "/nowhere"}, {}, "--config-file (command line): cannot read /nowhere: No such file"),
        ({}, {"CONFIG_FILE": "/"}, "--config-file (CONFIG_FILE): cannot read /: Is a directory"),
    ],
)
def test_errors(values: dict[str, Any], environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(values, environ)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("flags: {migStrategy: singel}", "flags.migStrategy (FILE:2): 'singel' is not a valid value"),
        ("flags: {useNodeFeatureAPI: true}", "flags.useNodeFeatureAPI (FILE:2): nodefeature needs"),
        ("flags: {deviceDiscoveryStrategy: tegr}", "flags.deviceDiscoveryStrategy (FILE:2): 'tegr' is not"),
        ("flags: {gfd: {sleepInterval: '60'}}", "flags.gfd.sleepInterval (FILE:2): '60' has no unit"),
        ("flags: {gfd: {sleepInterval: 0}}", "flags.gfd.sleepInterval (FILE:2): must be longer than 0"),
        (
            "flags: {gfd: {sleepInterval: 1e30}}",
            "flags.gfd.sleepInterval (FILE:2): '1000000000000000019884624838656ns' is too long",
        ),
        ("flags: {gfd: {sink: []}}", "flags.gfd.sink (FILE:2): no sink is given"),
    ],
)
def test_errors_in_the_file_name_the_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"version: v1\n{line}\n")
    with pytest.raises(ConfigError) as refusal:
        load({"config_file": str(file)}, {})
    assert str(refusal.value).startswith(message.replace("FILE", str(file)))


@pytest.mark.parametrize(
    ("option", "text", "reason"),
    [
        ("probe_timeout_s", "-5s", "must be from 100ms to 1h; use one like 30s"),
        ("probe_timeout_s", "1ns", "must be from 100ms to 1h; use one like 30s"),
        ("probe_timeout_s", "infinite", "must be from 100ms to 1h; use one like 30s"),
        ("probe_timeout_s", "100h", "must be from 100ms to 1h; use one like 30s"),
        ("stale_after_s", "0", "must be longer than 0; use one like 1h, or off"),
        (
            "metrics_addr",
            "8080",
            "'8080' has no port from 1 to 65535; use one like :8080 or 127.0.0.1:8080",
        ),
        ("metrics_addr", ":0", "':0' has no port from 1 to 65535; use one like :8080 or 127.0.0.1:8080"),
        (
            "metrics_addr",
            "::1:80",
            "'::1:80' is not an address; put an IPv6 host in brackets, such as [::1]:8080",
        ),
    ],
)
def test_durations_and_addresses_out_of_range(option: str, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({option: text}, {})
    assert refused.value.reason == reason
