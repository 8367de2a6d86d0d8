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
from gfd.config.option import Option
from gfd.config.options import EXTRA_LABELS, OPTIONS
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
        if option.field in {
            "allocation",  # it changes other options
            "config_file",
            "mig",
            "mig_config",
            "as_annotations",
            "config_dir",
            "node_condition",
        }:
            continue
        for layer in LAYERS:
            is_given: bool = draw(st.booleans())
            if is_given and (layer != "file" or option.file_key):
                chosen[layer][option.field] = draw(examples(option))
    return chosen


def value_of(loaded: Config, option: Option) -> Any:
    return getattr(loaded, option.field)


@given(settings())
def test_the_highest_layer_always_wins(chosen: dict[str, dict[str, str]]) -> None:
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
        allocation="device-plugin",
        fail_on_init_error=True,
        oneshot=False,
        no_timestamp=False,
        sleep_interval_s=60.0,
        output_file="/etc/kubernetes/node-feature-discovery/features.d/gfd",
        machine_type_file="/sys/class/dmi/id/product_name",
        config_file=None,
        use_node_feature_api=False,
        device_discovery_strategy="auto",
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
        unified_memory=False,
        probe_timeout_s=30.0,
        stale_after_s=None,
        node_condition=False,
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


def test_the_first_variable_that_is_not_empty_counts() -> None:
    both = {"GFD_MIG_STRATEGY": "single", "MIG_STRATEGY": "mixed"}
    assert load({}, both).config.mig_strategy == "single"
    assert load({}, {**both, "GFD_MIG_STRATEGY": ""}).config.mig_strategy == "mixed"
    assert load({}, {"GFD_FAIL_ON_INIT_ERROR": ""}).config.fail_on_init_error is True


def test_effective_options_have_their_origin(tmp_path: Path) -> None:
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


def test_an_empty_name_of_the_config_file() -> None:
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


def test_words_that_mean_others() -> None:
    assert load({"extra_labels": ["counts,all"]}, {}).config.extra_labels == EXTRA_LABELS
    assert load({"sleep_interval_s": "infinite"}, {}).config.sleep_interval_s is None
    assert load({"machine_type_file": "", "namespace": ""}, {}).config.machine_type_file == ""


def test_labels_expire_after_the_next_cycle() -> None:
    assert load({"label_ttl_s": "61s"}, {}).config.label_ttl_s == 61.0
    assert load({"label_ttl_s": "1s", "oneshot": "true"}, {}).config.label_ttl_s == 1.0


def test_a_simulation() -> None:
    config = load({"simulate": "a100", "mig": "layout.yaml"}, {"GFD_MIG_CONFIG": "all-1g.5gb"}).config
    assert (config.simulate, config.mig, config.mig_config) == ("a100", "layout.yaml", "all-1g.5gb")


def test_unknown_keys_are_warnings_or_errors(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "version: v1\nflags:\n  migStratgy: single\nresources: {gpus: [{pattern: '*', name: gpu}]}\n"
    )
    loaded = load({"config_file": str(file)}, {})
    assert loaded.config.mig_strategy == "none"
    assert loaded.warnings == (
        f"{file}:4: resources.gpus is ignored, since resources cannot be renamed",
        f"{file}:3: unknown key flags.migStratgy is ignored; did you mean migStrategy?",
    )
    with pytest.raises(ConfigError) as refusal:
        load({"config_file": str(file)}, {"GFD_STRICT_CONFIG": "true"})
    assert str(refusal.value) == (
        f"flags.migStratgy ({file}:3): unknown key; correct or remove it, or leave out --strict-config;"
        " did you mean migStrategy?"
    )


def test_strict_config_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("flags: {gfd: {strictConfig: true}}\n")
    assert load({"config_file": str(file)}, {}).config.strict_config is True
    file.write_text("flags: {gfd: {strictConfig: true}}\nzzz: 1\n")
    with pytest.raises(ConfigError, match=r"^zzz .*:2\): unknown key"):
        load({"config_file": str(file)}, {})
    assert load({"config_file": str(file), "strict_config": "false"}, {}).warnings


def test_a_config_file_that_everybody_can_write(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("version: v1\n")
    file.chmod(0o666)
    with pytest.raises(ConfigError, match=r"--config-file .*mode 0666.*chmod o-w") as refused:
        load({"config_file": str(file)}, {})
    assert refused.value.origin == "command line"


def test_use_node_feature_api() -> None:
    assert load({"use_node_feature_api": "true"}, {"NODE_NAME": "n"}).config.sinks == ("nodefeature",)
    both = load({"use_node_feature_api": "true", "sinks": ["stdout,nodefeature"]}, {"NODE_NAME": "n"})
    assert both.config.sinks == ("stdout", "nodefeature")


@pytest.mark.parametrize(
    ("values", "environ", "sinks"),
    [
        ({}, {}, ("nodefeature",)),
        ({"sinks": ["node"]}, {}, ("node",)),
        ({}, {"GFD_SINK": "file"}, ("file",)),
        ({"sinks": ["stdout"]}, {"GFD_SINK": "file"}, ("stdout",)),
        ({}, {"GFD_USE_NODE_FEATURE_API": "false"}, ("file",)),
        ({"use_node_feature_api": "false"}, {}, ("file",)),
        ({}, {"USE_NODE_FEATURE_API": "false"}, ("file",)),
        ({"output_file": ""}, {}, ("nodefeature",)),
        ({"output_file": ""}, {"USE_NODE_FEATURE_API": "false"}, ("stdout",)),
    ],
)
def test_the_variable_of_the_image_chooses_only_the_default_sink(
    values: dict[str, Any], environ: dict[str, str], sinks: tuple[str, ...]
) -> None:
    image = {"USE_NODE_FEATURE_API": "true", "NODE_NAME": "n"}
    assert load(values, image | environ).config.sinks == sinks


def test_the_variable_of_the_image_beside_a_config_file(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    image = {"USE_NODE_FEATURE_API": "true", "NODE_NAME": "n", "CONFIG_FILE": str(file)}
    file.write_text("version: v1\nflags: {gfd: {sink: file}}\n")
    assert load({}, image).config.sinks == ("file",)
    file.write_text("version: v1\nflags: {useNodeFeatureAPI: false}\n")
    assert load({}, image).config.sinks == ("nodefeature",)


def test_without_publishing_no_sink_needs_a_node() -> None:
    assert load({}, {"USE_NODE_FEATURE_API": "true"}, is_publishing=False).config.sinks == ("nodefeature",)
    assert load({}, {"GFD_SINK": "node,file"}, is_publishing=False).config.sinks == ("node", "file")
