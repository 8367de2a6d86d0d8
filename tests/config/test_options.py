"""The options table."""

from __future__ import annotations

import pytest

from gfd.config.file_values import READERS
from gfd.config.model import Config
from gfd.config.option import Option
from gfd.config.options import OPTIONS

BY_FIELD = {option.field: option for option in OPTIONS}


ORIGINAL = """
--mig-strategy | GFD_MIG_STRATEGY MIG_STRATEGY | flags.migStrategy | none
--fail-on-init-error | GFD_FAIL_ON_INIT_ERROR FAIL_ON_INIT_ERROR | flags.failOnInitError | true
--oneshot | GFD_ONESHOT | flags.gfd.oneshot | false
--no-timestamp | GFD_NO_TIMESTAMP | flags.gfd.noTimestamp | false
--sleep-interval | GFD_SLEEP_INTERVAL | flags.gfd.sleepInterval | 60s
--output-file --output -o | GFD_OUTPUT_FILE | flags.gfd.outputFile \
| /etc/kubernetes/node-feature-discovery/features.d/gfd
--machine-type-file | GFD_MACHINE_TYPE_FILE | flags.gfd.machineTypeFile | /sys/class/dmi/id/product_name
--config-file | GFD_CONFIG_FILE CONFIG_FILE | |
--use-node-feature-api | GFD_USE_NODE_FEATURE_API USE_NODE_FEATURE_API | flags.useNodeFeatureAPI | false
--device-discovery-strategy | DEVICE_DISCOVERY_STRATEGY | flags.deviceDiscoveryStrategy | auto
--driver-root-ctr-path --container-driver-root | DRIVER_ROOT_CTR_PATH CONTAINER_DRIVER_ROOT \
| flags.plugin.containerDriverRoot | /driver-root
--kubeconfig | KUBECONFIG | |
--kube-api-qps | KUBE_API_QPS | | 5
--kube-api-burst | KUBE_API_BURST | | 10
--node-name | NODE_NAME | |
--namespace | NAMESPACE | | default
--pod-name | POD_NAME | |
"""


OWN = (
    "--sink", "--config-dir", "--default-config", "--fallback-strategies", "--context",
    "--as-annotations", "--force-conflicts", "--resync", "--allocation", "--extra-labels", "--template-dir",
    "--label-prefix-allow", "--label-ttl", "--strict-config", "--unified-memory",
    "--probe-timeout", "--stale-after",
    "--node-condition", "--proc-driver-dir", "--metrics-addr", "--log-level", "--log-format", "--simulate",
    "--mig", "--mig-config",
)  # fmt: skip


def test_options_of_the_original_are_unchanged() -> None:
    rows = [[cell.split() for cell in line.split("|")] for line in ORIGINAL.strip().splitlines()]
    expected = [
        (tuple(flags), tuple(names), key[0] if key else None, default[0] if default else None)
        for flags, names, key, default in rows
    ]
    found = [(each.flags, each.environment, each.file_key, each.default) for each in OPTIONS]
    assert found[: len(expected)] == expected
    assert tuple(option.flag for option in OPTIONS[len(expected) :]) == OWN


@pytest.mark.parametrize("flag", OWN)
def test_names_of_own_options(flag: str) -> None:
    option = next(option for option in OPTIONS if option.flag == flag)
    first, *others = flag[2:].split("-")
    key = "flags.gfd." + first + "".join(map(str.capitalize, others))
    assert option.environment == ("GFD_" + flag[2:].replace("-", "_").upper(),)
    # What chooses the file cannot stand in it.
    has_no_key = option.group == "Simulation" or flag in OWN[1:5]
    assert OWN[1:5] == ("--config-dir", "--default-config", "--fallback-strategies", "--context")
    assert option.file_key == (None if has_no_key else key)


def test_every_option_is_a_field_of_the_configuration() -> None:
    assert [*Config._fields] == [*BY_FIELD, "sharing", "has_device_plugin"]


def test_names_are_unique() -> None:
    for names in (
        [flag for option in OPTIONS for flag in option.flags],
        [name for option in OPTIONS for name in option.environment],
        [option.file_key.lower() for option in OPTIONS if option.file_key],
    ):
        assert len(names) == len(set(names))


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.field)
def test_rows_are_complete(option: Option) -> None:
    assert option.help.endswith(".")
    assert bool(option.metavar) == (option.kind not in {"bool", "choice"})
    assert (option.kind == "choice") <= bool(option.choices)
    assert option.is_repeatable == (option.kind == "list")
    assert not option.file_key or option.kind in READERS
