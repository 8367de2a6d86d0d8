"""Which place an option comes from, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gfd.config.loader import load
from gfd.config.model import Config
from gfd.config.options import EXTRA_LABELS, OPTIONS, Option
from gfd.errors import ConfigError
from gfd.labels.sharing import SharedResource, Sharing

LAYERS = ("file", "environment", "flag")

EXAMPLES: dict[str, dict[str, tuple[str, ...]]] = {
    # Values that are valid beside each other and beside the defaults, by field or else by kind.
    "field": {
        "use_node_feature_api": ("false", "0", "F"),
        "device_discovery_strategy": ("auto", "nvml"),
        "label_ttl_s": ("200h", "300h", "infinite", "off"),
        "stale_after_s": ("1h", "30m", "off"),
        "probe_timeout_s": ("5s", "1m"),
        "sinks": ("file", "stdout", "file,stdout"),
        "extra_labels": ("identity", "counts,engines", "all", ""),
        "output_file": ("/tmp/a", "/tmp/b"),
        "fallback_strategies": ("named", "single,empty"),
        "simulate": ("h100",),
        "mig": ("1g.5gb",),
    },
    "kind": {
        "bool": ("true", "false", "1", "f"),
        "string": ("a", "b"),
        "path": ("/a", "/b", "relative"),
        "duration": ("1s", "1m30s", "100h"),
        "float": ("1", "2.5"),
        "int": ("3", "4"),
        "address": (":8080", "[::1]:9090"),
        "list": ("example.com", "a.io,b.io"),
    },
}


def examples(option: Option) -> st.SearchStrategy[str]:
    by_kind = option.choices if option.kind == "choice" else EXAMPLES["kind"][option.kind]
    return st.sampled_from(EXAMPLES["field"].get(option.field, by_kind))


def written(option: Option, text: str) -> object:
    """Return ``text`` as the config file holds it."""
    return text in {"true", "1", "T"} if option.kind == "bool" else text


@st.composite
def settings(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    """Draw what each layer sets."""
    chosen: dict[str, dict[str, str]] = {layer: {} for layer in LAYERS}
    for option in OPTIONS:
        if option.field in {"config_file", "mig", "mig_config", "as_annotations", "config_dir"}:
            continue
        for layer in LAYERS:
            is_given: bool = draw(st.booleans())
            if is_given and (layer != "file" or option.file_key):
                chosen[layer][option.field] = draw(examples(option))
    return chosen


def value_of(loaded: Config, option: Option) -> Any:
    return getattr(loaded, option.field)


@given(settings())
def test_the_highest_layer_that_sets_an_option_always_wins(chosen: dict[str, dict[str, str]]) -> None:
    tree: dict[str, Any] = {}
    for option in OPTIONS:
        if option.file_key and option.field in chosen["file"]:
            *sections, name = option.file_key.split(".")
            branch = tree
            for section in sections:
                branch = branch.setdefault(section, {})
            branch[name] = written(option, chosen["file"][option.field])
    by_field = {option.field: option for option in OPTIONS}
    with TemporaryDirectory() as folder:
        file = Path(folder, "config.json")
        file.write_text(json.dumps(tree))
        variables = {by_field[name].environment[-1]: text for name, text in chosen["environment"].items()}
        loaded = load(chosen["flag"], {**variables, "CONFIG_FILE": str(file)})

    environment = {name: text for name, text in chosen["environment"].items() if text}
    alone = load({**chosen["file"], **environment, **chosen["flag"]}, {})
    assert loaded.config._replace(config_file=None) == alone.config
    for setting in loaded.options:
        name = setting.option.field
        if name == "config_file":
            continue
        if name in chosen["flag"]:
            assert setting.origin == setting.option.flag
        elif name in environment:
            assert setting.origin == setting.option.environment[-1]
        elif name in chosen["file"]:
            assert setting.origin == f"{file}:1"
        else:
            assert setting.origin == "default"


def test_defaults() -> None:
    loaded = load({}, {})
    assert loaded.config == Config(
        mig_strategy="none",
        fail_on_init_error=True,
        oneshot=False,
        no_timestamp=False,
        sleep_interval_s=60.0,
        output_file="/etc/kubernetes/node-feature-discovery/features.d/gfd",
        machine_type_file="/sys/class/dmi/id/product_name",
        config_file=None,
        use_node_feature_api=False,
        device_discovery_strategy="nvml",
        driver_root=Path("/driver-root"),
        kubeconfig=None,
        kube_api_qps=5.0,
        kube_api_burst=10,
        node_name=None,
        namespace="default",
        pod_name=None,
        sinks=("file",),
        config_dir=None,
        default_config=None,
        fallback_strategies=("named", "single"),
        context=None,
        as_annotations=None,
        force_conflicts=True,
        resync_s=3600.0,
        extra_labels=(),
        template_dir=None,
        label_prefix_allow=(),
        label_ttl_s=None,
        strict_config=False,
        probe_timeout_s=30.0,
        stale_after_s=None,
        proc_driver_dir=Path("/proc/driver"),
        metrics_addr=None,
        log_level="info",
        log_format="auto",
        simulate=None,
        mig=None,
        mig_config=None,
        sharing=Sharing(),
    )
    assert loaded.warnings == ()
    assert {setting.origin for setting in loaded.options} == {"default"}


def test_the_first_variable_that_is_set_counts_and_an_empty_one_is_not_set() -> None:
    both = {"GFD_MIG_STRATEGY": "single", "MIG_STRATEGY": "mixed"}
    assert load({}, both).config.mig_strategy == "single"
    assert load({}, {**both, "GFD_MIG_STRATEGY": ""}).config.mig_strategy == "mixed"
    assert load({}, {"GFD_FAIL_ON_INIT_ERROR": ""}).config.fail_on_init_error is True


def test_what_is_shown_is_what_is_in_force_and_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: v1\nflags:\n  gfd:\n    sleepInterval: 1m30s\n    sink: []\n")
    values = {"config_file": str(file), "oneshot": "1", "sinks": ["stdout", "file"], "label_ttl_s": None}
    loaded = load(values, {"MIG_STRATEGY": "mixed"})
    found = {setting.option.field: (setting.text, setting.origin) for setting in loaded.options}
    assert found["config_file"] == (str(file), "--config-file")
    assert found["oneshot"] == ("true", "--oneshot")
    assert found["sinks"] == ("stdout,file", "--sink")
    assert found["mig_strategy"] == ("mixed", "MIG_STRATEGY")
    assert found["sleep_interval_s"] == ("1m30s", f"{file}:4")
    assert found["kube_api_qps"] == ("5", "default")
    assert found["label_ttl_s"] == ("off", "default")
    assert [setting.option for setting in loaded.options] == list(OPTIONS)


def test_sharing_comes_from_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("sharing: {timeSlicing: {resources: [{name: gpu, replicas: 4}]}}")
    shared = (SharedResource(name="nvidia.com/gpu", replicas=4),)
    assert load({"config_file": str(file)}, {}).config.sharing == Sharing(
        strategy="time-slicing", resources=shared
    )


def test_no_config_file_is_read_where_its_name_is_empty() -> None:
    assert load({"config_file": ""}, {"CONFIG_FILE": "/nowhere"}).config.config_file is None


@pytest.mark.parametrize(
    ("values", "sinks"),
    [
        ({}, ("file",)),
        ({"output_file": ""}, ("stdout",)),
        ({"sinks": ["stdout"]}, ("stdout",)),
        ({"sinks": ["stdout,file", "stdout"]}, ("stdout", "file")),
        ({"sinks": ["stdout"], "output_file": ""}, ("stdout",)),
    ],
)
def test_sinks(values: dict[str, Any], sinks: tuple[str, ...]) -> None:
    assert load(values, {}).config.sinks == sinks


def test_words_that_stand_for_others() -> None:
    assert load({"extra_labels": ["counts,all"]}, {}).config.extra_labels == EXTRA_LABELS
    assert load({"device_discovery_strategy": "auto"}, {}).config.device_discovery_strategy == "nvml"
    assert load({"sleep_interval_s": "infinite"}, {}).config.sleep_interval_s is None
    assert load({"machine_type_file": "", "namespace": ""}, {}).config.machine_type_file == ""


def test_labels_may_lapse_after_the_next_labelling() -> None:
    assert load({"label_ttl_s": "61s"}, {}).config.label_ttl_s == 61.0
    assert load({"label_ttl_s": "1s", "oneshot": "true"}, {}).config.label_ttl_s == 1.0


def test_a_simulation() -> None:
    config = load({"simulate": "a100", "mig": "layout.yaml"}, {"GFD_MIG_CONFIG": "all-1g.5gb"}).config
    assert (config.simulate, config.mig, config.mig_config) == ("a100", "layout.yaml", "all-1g.5gb")


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
            {"device_discovery_strategy": "tegra"},
            {},
            "--device-discovery-strategy (command line): tegra is not supported yet; use auto or nvml",
        ),
        (
            {},
            {"DEVICE_DISCOVERY_STRATEGY": "vfio"},
            "--device-discovery-strategy (DEVICE_DISCOVERY_STRATEGY): vfio is not supported yet",
        ),
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
            {"USE_NODE_FEATURE_API": "true"},
            "--use-node-feature-api (USE_NODE_FEATURE_API): --sink (--sink) is stdout; add nodefeature",
        ),
        ({"sinks": ["node"]}, {}, "--sink (command line): node needs the name of the node; set NODE_NAME,"),
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
def test_what_cannot_be_used_is_refused(
    values: dict[str, Any], environ: dict[str, str], message: str
) -> None:
    with pytest.raises(ConfigError) as refusal:
        load(values, environ)
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("flags: {migStrategy: singel}", "flags.migStrategy (FILE:2): 'singel' is not a valid value"),
        ("flags: {useNodeFeatureAPI: true}", "flags.useNodeFeatureAPI (FILE:2): nodefeature needs"),
        ("flags: {deviceDiscoveryStrategy: tegra}", "flags.deviceDiscoveryStrategy (FILE:2): tegra is not"),
        ("flags: {gfd: {sleepInterval: '60'}}", "flags.gfd.sleepInterval (FILE:2): '60' has no unit"),
        ("flags: {gfd: {sleepInterval: 0}}", "flags.gfd.sleepInterval (FILE:2): must be longer than 0"),
        (
            "flags: {gfd: {sleepInterval: 1e30}}",
            "flags.gfd.sleepInterval (FILE:2): '1000000000000000019884624838656ns' is too long",
        ),
        ("flags: {gfd: {sink: []}}", "flags.gfd.sink (FILE:2): no sink is given"),
    ],
)
def test_what_the_file_says_is_refused_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"version: v1\n{line}\n")
    with pytest.raises(ConfigError) as refusal:
        load({"config_file": str(file)}, {})
    assert str(refusal.value).startswith(message.replace("FILE", str(file)))


def test_an_unknown_key_is_a_warning_unless_the_file_is_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "version: v1\nflags:\n  migStratgy: single\nresources: {gpus: [{pattern: '*', name: gpu}]}\n"
    )
    loaded = load({"config_file": str(file)}, {})
    assert loaded.config.mig_strategy == "none"
    assert loaded.warnings == (
        f"{file}:4: resources.gpus is ignored: resources cannot be renamed",
        f"{file}:3: unknown key flags.migStratgy is ignored; did you mean migStrategy?",
    )
    with pytest.raises(ConfigError) as refusal:
        load({"config_file": str(file)}, {"GFD_STRICT_CONFIG": "true"})
    assert str(refusal.value) == (
        f"flags.migStratgy ({file}:3): unknown key; correct or remove it, or leave out --strict-config;"
        " did you mean migStrategy?"
    )


def test_a_file_can_ask_to_be_read_strictly(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("flags: {gfd: {strictConfig: true}}\n")
    assert load({"config_file": str(file)}, {}).config.strict_config is True
    file.write_text("flags: {gfd: {strictConfig: true}}\nzzz: 1\n")
    with pytest.raises(ConfigError, match=r"^zzz .*:2\): unknown key"):
        load({"config_file": str(file)}, {})
    assert load({"config_file": str(file), "strict_config": "false"}, {}).warnings


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
def test_times_and_addresses_that_make_no_sense(option: str, text: str, reason: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load({option: text}, {})
    assert refused.value.reason == reason


def test_a_config_file_that_everybody_may_write_to(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: v1\n")
    file.chmod(0o666)
    with pytest.raises(ConfigError, match=r"--config-file .*mode 0666.*chmod o-w") as refused:
        load({"config_file": str(file)}, {})
    assert refused.value.origin == "command line"


def test_the_node_feature_api_by_its_own_flag() -> None:
    assert load({"use_node_feature_api": "true"}, {"NODE_NAME": "n"}).config.sinks == ("nodefeature",)
    both = load({"use_node_feature_api": "true", "sinks": ["stdout,nodefeature"]}, {"NODE_NAME": "n"})
    assert both.config.sinks == ("stdout", "nodefeature")
