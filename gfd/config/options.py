"""Every option gfd has, in one table.

Flags, environment variables, config-file keys, defaults, ``--help``, completions, man page and the table in
the README all come from :data:`OPTIONS`: an option is a row here and a field of
:class:`gfd.config.model.Config`.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["string", "bool", "duration", "choice", "list", "float", "int", "path", "address"]

ORIGINAL = "gpu-feature-discovery"
"""The other name of the program, under which it stands in for NVIDIA's."""

COMMAND_LINE = "command line"
"""What errors name as the origin of a flag."""


class Option(NamedTuple):
    """One option, from whichever place it is given."""

    field: str
    """Name of the field of Config, and of the value in what the command line hands over."""
    flags: tuple[str, ...]
    """With their dashes; the first is the one to write about."""
    help: str
    """One sentence, with units, without the default."""
    group: str
    environment: tuple[str, ...] = ()
    """Variables in order; the first one that is set and not empty counts."""
    file_key: str | None = None
    """Dotted path in the config file; None if the file cannot set it."""
    kind: Kind = "string"
    default: str | None = None
    """As a person would write it; None where there is nothing to show."""
    metavar: str = ""
    """What stands for the value in the help; empty for a bool and a choice."""
    choices: tuple[str, ...] = ()
    """The words that a choice or the items of a list may be; empty if any."""
    is_repeatable: bool = False
    """Whether the flag may be given several times, adding up."""

    @property
    def flag(self) -> str:
        """The flag to write about."""
        return self.flags[0]


LABELS = "Labels"
PUBLISHING = "Publishing"
SERVICE = "Service"
HARDWARE = "Hardware"
KUBERNETES = "Kubernetes"
LOGGING = "Logging"
SIMULATION = "Simulation"

SINKS = ("stdout", "file", "nodefeature", "node")
EXTRA_LABELS = ("identity", "counts", "engines", "pcie", "profiles", "health")

# A row stays a few lines, so that the table can be read as one.
# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option(
        field="mig_strategy", flags=("--mig-strategy",),
        environment=("GFD_MIG_STRATEGY", "MIG_STRATEGY"), file_key="flags.migStrategy", kind="choice",
        choices=("none", "single", "mixed"), default="none", group=LABELS,
        help="How MIG devices are labelled: not at all, as if each were a GPU, or a resource a profile.",
    ),
    Option(
        field="fail_on_init_error", flags=("--fail-on-init-error",),
        environment=("GFD_FAIL_ON_INIT_ERROR", "FAIL_ON_INIT_ERROR"), file_key="flags.failOnInitError",
        kind="bool", default="true", group=HARDWARE,
        help="Exit with an error when NVML cannot be used; otherwise label the node as one without GPUs.",
    ),
    Option(
        field="oneshot", flags=("--oneshot",), environment=("GFD_ONESHOT",),
        file_key="flags.gfd.oneshot", kind="bool", default="false", group=SERVICE,
        help="Label once and exit.",
    ),
    Option(
        field="no_timestamp", flags=("--no-timestamp",), environment=("GFD_NO_TIMESTAMP",),
        file_key="flags.gfd.noTimestamp", kind="bool", default="false", group=LABELS,
        help="Leave out the label gfd.timestamp.",
    ),
    Option(
        field="sleep_interval_s", flags=("--sleep-interval",), environment=("GFD_SLEEP_INTERVAL",),
        file_key="flags.gfd.sleepInterval", kind="duration", default="60s", metavar="DURATION",
        group=SERVICE,
        help="Time between two labellings, such as 500ms, 60s or 1m30s; 'infinite' labels once and waits.",
    ),
    Option(
        field="output_file", flags=("--output-file", "--output", "-o"),
        environment=("GFD_OUTPUT_FILE",), file_key="flags.gfd.outputFile", kind="path",
        default="/etc/kubernetes/node-feature-discovery/features.d/gfd", metavar="FILE",
        group=PUBLISHING,
        help="The feature file to write; empty means standard output.",
    ),
    Option(
        field="machine_type_file", flags=("--machine-type-file",),
        environment=("GFD_MACHINE_TYPE_FILE",), file_key="flags.gfd.machineTypeFile", kind="path",
        default="/sys/class/dmi/id/product_name", metavar="FILE", group=HARDWARE,
        help="The file that names the machine's model (DMI product name).",
    ),
    Option(
        field="config_file", flags=("--config-file",), environment=("GFD_CONFIG_FILE", "CONFIG_FILE"),
        kind="path", metavar="FILE", group=SERVICE,
        help="The device plugin's config file, YAML or JSON; flags and environment win over it.",
    ),
    Option(
        field="use_node_feature_api", flags=("--use-node-feature-api",),
        environment=("GFD_USE_NODE_FEATURE_API", "USE_NODE_FEATURE_API"),
        file_key="flags.useNodeFeatureAPI", kind="bool", default="false", group=PUBLISHING,
        help="Publish through the NodeFeature API of NFD, as --sink nodefeature does.",
    ),
    Option(
        field="device_discovery_strategy", flags=("--device-discovery-strategy",),
        environment=("DEVICE_DISCOVERY_STRATEGY",), file_key="flags.deviceDiscoveryStrategy",
        kind="choice", choices=("auto", "nvml", "tegra", "vfio"), default="auto", group=HARDWARE,
        help="How GPUs are found; auto means nvml, tegra and vfio are not supported yet.",
    ),
    Option(
        field="driver_root", flags=("--driver-root-ctr-path", "--container-driver-root"),
        environment=("DRIVER_ROOT_CTR_PATH", "CONTAINER_DRIVER_ROOT"),
        file_key="flags.plugin.containerDriverRoot", kind="path", default="/driver-root",
        metavar="DIRECTORY", group=HARDWARE,
        help="Where the root of the NVIDIA driver is mounted in the container.",
    ),
    Option(
        field="kubeconfig", flags=("--kubeconfig",), environment=("KUBECONFIG",), kind="path",
        metavar="FILE", group=KUBERNETES,
        help="The kubeconfig to use outside a cluster.",
    ),
    Option(
        field="kube_api_qps", flags=("--kube-api-qps",), environment=("KUBE_API_QPS",), kind="float",
        default="5", metavar="NUMBER", group=KUBERNETES,
        help="Requests a second to the Kubernetes API server.",
    ),
    Option(
        field="kube_api_burst", flags=("--kube-api-burst",), environment=("KUBE_API_BURST",),
        kind="int", default="10", metavar="COUNT", group=KUBERNETES,
        help="Requests in one burst to the Kubernetes API server.",
    ),
    Option(
        field="node_name", flags=("--node-name",), environment=("NODE_NAME",), metavar="NAME",
        group=KUBERNETES,
        help="The node that gfd runs on.",
    ),
    Option(
        field="namespace", flags=("--namespace",), environment=("NAMESPACE",), default="default",
        metavar="NAME", group=KUBERNETES,
        help="The namespace of the objects that gfd writes.",
    ),
    Option(
        field="pod_name", flags=("--pod-name",), environment=("POD_NAME",), metavar="NAME",
        group=KUBERNETES,
        help="The pod that gfd runs in, for owner references.",
    ),
    Option(
        field="sinks", flags=("--sink",), environment=("GFD_SINK",), file_key="flags.gfd.sink",
        kind="list", choices=SINKS, is_repeatable=True, metavar="SINK", group=PUBLISHING,
        help="Where labels go; unless given, the feature file, or standard output if that is empty.",
    ),
    Option(
        field="config_dir", flags=("--config-dir",), environment=("GFD_CONFIG_DIR",),
        kind="path", metavar="DIRECTORY", group=SERVICE,
        help="Several config files, of which the node's label nvidia.com/device-plugin.config names one.",
    ),
    Option(
        field="default_config", flags=("--default-config",), environment=("GFD_DEFAULT_CONFIG",),
        metavar="NAME", group=SERVICE,
        help="Which file of --config-dir to use where the node names none.",
    ),
    Option(
        field="fallback_strategies", flags=("--fallback-strategies",),
        environment=("GFD_FALLBACK_STRATEGIES",), kind="list", choices=("named", "single", "empty"),
        default="named,single", is_repeatable=True, metavar="STRATEGY", group=SERVICE,
        help="What to use without a default: the file named default, the only one, none.",
    ),
    Option(
        field="context", flags=("--context",), environment=("GFD_CONTEXT",), metavar="NAME", group=KUBERNETES,
        help="The context of the kubeconfig to use, instead of its current one.",
    ),
    Option(
        field="as_annotations", flags=("--as-annotations",), environment=("GFD_AS_ANNOTATIONS",),
        file_key="flags.gfd.asAnnotations", metavar="REGEX", group=PUBLISHING,
        help="Keys that --sink node publishes as annotations; the expression matches the whole key.",
    ),
    Option(
        field="force_conflicts", flags=("--force-conflicts",), environment=("GFD_FORCE_CONFLICTS",),
        file_key="flags.gfd.forceConflicts", kind="bool", default="true", group=PUBLISHING,
        help="Take over labels of the Node that another field manager than NFD's holds.",
    ),
    Option(
        field="resync_s", flags=("--resync",), environment=("GFD_RESYNC",),
        file_key="flags.gfd.resync", kind="duration", default="1h", metavar="DURATION", group=KUBERNETES,
        help="Time after which objects are read again though nothing was heard of them; infinite: never.",
    ),
    Option(
        field="extra_labels", flags=("--extra-labels",), environment=("GFD_EXTRA_LABELS",),
        file_key="flags.gfd.extraLabels", kind="list", choices=(*EXTRA_LABELS, "all"),
        is_repeatable=True, metavar="GROUP", group=LABELS,
        help="Groups of labels beyond those of the original.",
    ),
    Option(
        field="template_dir", flags=("--template-dir",), environment=("GFD_TEMPLATE_DIR",),
        file_key="flags.gfd.templateDir", kind="path", metavar="DIRECTORY", group=LABELS,
        help="Templates that replace or add to gfd's own.",
    ),
    Option(
        field="label_prefix_allow", flags=("--label-prefix-allow",),
        environment=("GFD_LABEL_PREFIX_ALLOW",), file_key="flags.gfd.labelPrefixAllow", kind="list",
        is_repeatable=True, metavar="PREFIX", group=LABELS,
        help="Further label prefixes that templates may write.",
    ),
    Option(
        field="label_ttl_s", flags=("--label-ttl",), environment=("GFD_LABEL_TTL",),
        file_key="flags.gfd.labelTtl", kind="duration", default="off", metavar="DURATION",
        group=PUBLISHING,
        help="Time after which unrenewed labels lapse, such as 10m; must exceed the sleep interval.",
    ),
    Option(
        field="strict_config", flags=("--strict-config",), environment=("GFD_STRICT_CONFIG",),
        file_key="flags.gfd.strictConfig", kind="bool", default="false", group=SERVICE,
        help="Refuse a config file with unknown keys instead of warning.",
    ),
    Option(
        field="probe_timeout_s", flags=("--probe-timeout",), environment=("GFD_PROBE_TIMEOUT",),
        file_key="flags.gfd.probeTimeout", kind="duration", default="30s", metavar="DURATION",
        group=HARDWARE,
        help="Time after which a read of the hardware is given up and its process killed.",
    ),
    Option(
        field="stale_after_s", flags=("--stale-after",), environment=("GFD_STALE_AFTER",),
        file_key="flags.gfd.staleAfter", kind="duration", default="off", metavar="DURATION",
        group=PUBLISHING,
        help="Time after which labels that can no longer be read are withdrawn.",
    ),
    Option(
        field="proc_driver_dir", flags=("--proc-driver-dir",), environment=("GFD_PROC_DRIVER_DIR",),
        file_key="flags.gfd.procDriverDir", kind="path", default="/proc/driver", metavar="DIRECTORY",
        group=HARDWARE,
        help="Where the host's /proc/driver is seen; changes there start a labelling at once.",
    ),
    Option(
        field="metrics_addr", flags=("--metrics-addr",), environment=("GFD_METRICS_ADDR",),
        file_key="flags.gfd.metricsAddr", kind="address", metavar="[HOST]:PORT", group=SERVICE,
        help="Where to serve /metrics, /healthz and /readyz, such as :8080; empty serves none.",
    ),
    Option(
        field="log_level", flags=("--log-level",), environment=("GFD_LOG_LEVEL",),
        file_key="flags.gfd.logLevel", kind="choice", choices=("debug", "info", "warning", "error"),
        default="info", group=LOGGING,
        help="The least severe events to log.",
    ),
    Option(
        field="log_format", flags=("--log-format",), environment=("GFD_LOG_FORMAT",),
        file_key="flags.gfd.logFormat", kind="choice", choices=("auto", "json", "console"),
        default="auto", group=LOGGING,
        help="How events are written; auto means console on a terminal, else json.",
    ),
    Option(
        field="simulate", flags=("--simulate",), environment=("GFD_SIMULATE",), metavar="NAME|FILE",
        group=SIMULATION,
        help="Label a simulated machine instead of this one.",
    ),
    Option(
        field="mig", flags=("--mig",), environment=("GFD_MIG",), metavar="LAYOUT", group=SIMULATION,
        help="The MIG layout of the simulated machine.",
    ),
    Option(
        field="mig_config", flags=("--mig-config",), environment=("GFD_MIG_CONFIG",), metavar="NAME",
        group=SIMULATION,
        help="Which configuration of the file given as --mig to simulate.",
    ),
)
# fmt: on
