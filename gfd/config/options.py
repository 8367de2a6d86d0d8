"""All options of gfd, in one table.

The parser, ``--help``, completions, the man page and the table in the README are made from :data:`OPTIONS`.
To add an option, add a row here and a field to :class:`gfd.config.model.Config`.
"""

from __future__ import annotations

from gfd.config.option import Option

ORIGINAL = "gpu-feature-discovery"
"""The name of NVIDIA's program, which gfd also has."""

COMMAND_LINE = "command line"
"""The origin of a flag in errors."""

LABELS = "Labels"
PUBLISHING = "Sinks"
SERVICE = "Service"
HARDWARE = "Hardware"
KUBERNETES = "Cluster"
LOGGING = "Logging"
SIMULATION = "Simulation"

DEVICE_PLUGIN, DRA, AUTO = "device-plugin", "dra", "auto"
"""Values of --allocation. DRA is Dynamic Resource Allocation."""
SINKS = ("stdout", "file", "nodefeature", "node")
EXTRA_LABELS = ("identity", "counts", "engines", "pcie", "profiles", "health", "power", "topology")

# Each row has a few lines, so that the table stays readable.
# fmt: off
OPTIONS: tuple[Option, ...] = (
    Option(
        field="mig_strategy", flags=("--mig-strategy",),
        environment=("GFD_MIG_STRATEGY", "MIG_STRATEGY"), file_key="flags.migStrategy", kind="choice",
        choices=("none", "single", "mixed"), default="none", group=LABELS,
        help="How to label MIG devices: not at all, each as a GPU, or each profile as a separate resource.",
    ),
    Option(
        field="fail_on_init_error", flags=("--fail-on-init-error",),
        environment=("GFD_FAIL_ON_INIT_ERROR", "FAIL_ON_INIT_ERROR"), file_key="flags.failOnInitError",
        kind="bool", default="true", group=HARDWARE,
        help="Exit with an error if NVML cannot be used; with false, label the node as one without GPUs.",
    ),
    Option(
        field="oneshot", flags=("--oneshot",), environment=("GFD_ONESHOT",),
        file_key="flags.gfd.oneshot", kind="bool", default="false", group=SERVICE,
        help="Label the node once and exit.",
    ),
    Option(
        field="no_timestamp", flags=("--no-timestamp",), environment=("GFD_NO_TIMESTAMP",),
        file_key="flags.gfd.noTimestamp", kind="bool", default="false", group=LABELS,
        help="Do not publish the label nvidia.com/gfd.timestamp.",
    ),
    Option(
        field="sleep_interval_s", flags=("--sleep-interval",), environment=("GFD_SLEEP_INTERVAL",),
        file_key="flags.gfd.sleepInterval", kind="duration", default="60s", metavar="DURATION",
        group=SERVICE,
        help="Time between two cycles, such as 500ms, 60s or 1m30s; 'infinite' labels once and waits.",
    ),
    Option(
        field="output_file", flags=("--output-file", "--output", "-o"),
        environment=("GFD_OUTPUT_FILE",), file_key="flags.gfd.outputFile", kind="path",
        default="/etc/kubernetes/node-feature-discovery/features.d/gfd", metavar="FILE",
        group=PUBLISHING,
        help="The feature file to write; an empty name means standard output.",
    ),
    Option(
        field="machine_type_file", flags=("--machine-type-file",),
        environment=("GFD_MACHINE_TYPE_FILE",), file_key="flags.gfd.machineTypeFile", kind="path",
        default="/sys/class/dmi/id/product_name", metavar="FILE", group=HARDWARE,
        help="The file with the model of the machine (its DMI product name).",
    ),
    Option(
        field="config_file", flags=("--config-file",), environment=("GFD_CONFIG_FILE", "CONFIG_FILE"),
        kind="path", metavar="FILE", group=SERVICE,
        help="A config file of NVIDIA's device plugin, in YAML or JSON.",
    ),
    Option(
        field="use_node_feature_api", flags=("--use-node-feature-api",),
        environment=("GFD_USE_NODE_FEATURE_API", "USE_NODE_FEATURE_API"),
        file_key="flags.useNodeFeatureAPI", kind="bool", default="false", group=PUBLISHING,
        help="Publish a NodeFeature object for NFD; the same as --sink nodefeature.",
    ),
    Option(
        field="device_discovery_strategy", flags=("--device-discovery-strategy",),
        environment=("DEVICE_DISCOVERY_STRATEGY",), file_key="flags.deviceDiscoveryStrategy",
        kind="choice", choices=("auto", "nvml", "tegra", "vfio"), default="auto", group=HARDWARE,
        help=(
            "How to find GPUs; auto means tegra on a Jetson or Thor, else nvml. tegra asks CUDA, not NVML. "
            "vfio finds the GPUs that are bound to vfio-pci for virtual machines; it needs no driver."
        ),
    ),
    Option(
        field="driver_root", flags=("--driver-root-ctr-path", "--container-driver-root"),
        environment=("DRIVER_ROOT_CTR_PATH", "CONTAINER_DRIVER_ROOT"),
        file_key="flags.plugin.containerDriverRoot", kind="path", default="/driver-root",
        metavar="DIRECTORY", group=HARDWARE,
        help="Where the root directory of the NVIDIA driver is mounted in the container.",
    ),
    Option(
        field="kubeconfig", flags=("--kubeconfig",), environment=("KUBECONFIG",), kind="path",
        metavar="FILE", group=KUBERNETES,
        help="The kubeconfig to use outside a cluster.",
    ),
    Option(
        field="kube_api_qps", flags=("--kube-api-qps",), environment=("KUBE_API_QPS",), kind="float",
        default="5", metavar="NUMBER", group=KUBERNETES,
        help="Requests per second to the Kubernetes API server.",
    ),
    Option(
        field="kube_api_burst", flags=("--kube-api-burst",), environment=("KUBE_API_BURST",),
        kind="int", default="10", metavar="COUNT", group=KUBERNETES,
        help="Requests to the Kubernetes API server in one burst.",
    ),
    Option(
        field="node_name", flags=("--node-name",), environment=("NODE_NAME",), metavar="NAME",
        group=KUBERNETES,
        help="The name of the node that gfd runs on.",
    ),
    Option(
        field="namespace", flags=("--namespace",), environment=("NAMESPACE",), default="default",
        metavar="NAME", group=KUBERNETES,
        help="The namespace of the objects that gfd writes.",
    ),
    Option(
        field="pod_name", flags=("--pod-name",), environment=("POD_NAME",), metavar="NAME",
        group=KUBERNETES,
        help="The name of gfd's pod; its DaemonSet becomes the owner of the NodeFeature object.",
    ),
    Option(
        field="sinks", flags=("--sink",), environment=("GFD_SINK",), file_key="flags.gfd.sink",
        kind="list", choices=SINKS, is_repeatable=True, metavar="SINK", group=PUBLISHING,
        help="Where to publish labels; default: the feature file, or standard output if its name is empty.",
    ),
    Option(
        field="config_dir", flags=("--config-dir",), environment=("GFD_CONFIG_DIR",),
        kind="path", metavar="DIRECTORY", group=SERVICE,
        help="A directory of config files; the node's label nvidia.com/device-plugin.config chooses one.",
    ),
    Option(
        field="default_config", flags=("--default-config",), environment=("GFD_DEFAULT_CONFIG",),
        metavar="NAME", group=SERVICE,
        help="The file in --config-dir to use if the node's label chooses none.",
    ),
    Option(
        field="fallback_strategies", flags=("--fallback-strategies",),
        environment=("GFD_FALLBACK_STRATEGIES",), kind="list", choices=("named", "single", "empty"),
        default="named,single", is_repeatable=True, metavar="STRATEGY", group=SERVICE,
        help="What to use without --default-config: the file named default, the only file, or no file.",
    ),
    Option(
        field="context", flags=("--context",), environment=("GFD_CONTEXT",), metavar="NAME", group=KUBERNETES,
        help="The context of the kubeconfig to use, instead of the current one.",
    ),
    Option(
        field="as_annotations", flags=("--as-annotations",), environment=("GFD_AS_ANNOTATIONS",),
        file_key="flags.gfd.asAnnotations", metavar="REGEX", group=PUBLISHING,
        help="With --sink node, publish keys that match as annotations; the regex must match the whole key.",
    ),
    Option(
        field="force_conflicts", flags=("--force-conflicts",), environment=("GFD_FORCE_CONFLICTS",),
        file_key="flags.gfd.forceConflicts", kind="bool", default="true", group=PUBLISHING,
        help="Take over labels of the Node from other field managers, but never from NFD.",
    ),
    Option(
        field="resync_s", flags=("--resync",), environment=("GFD_RESYNC",),
        file_key="flags.gfd.resync", kind="duration", default="1h", metavar="DURATION", group=KUBERNETES,
        help="Read cluster objects again after this time, even without a change; 'infinite' means never.",
    ),
    Option(
        field="allocation", flags=("--allocation",), environment=("GFD_ALLOCATION",),
        file_key="flags.gfd.allocation", kind="choice", choices=(DEVICE_PLUGIN, DRA, AUTO),
        default=DEVICE_PLUGIN, group=LABELS,
        help=(
            "How pods get GPUs: from the device plugin, or by Dynamic Resource Allocation (DRA). With dra, "
            "labels about the device plugin are left out, and each MIG profile is labelled. auto asks the "
            "cluster."
        ),
    ),
    Option(
        field="extra_labels", flags=("--extra-labels",), environment=("GFD_EXTRA_LABELS",),
        file_key="flags.gfd.extraLabels", kind="list", choices=(*EXTRA_LABELS, "all"),
        is_repeatable=True, metavar="GROUP", group=LABELS,
        help="Groups of labels to add to those of gpu-feature-discovery.",
    ),
    Option(
        field="template_dir", flags=("--template-dir",), environment=("GFD_TEMPLATE_DIR",),
        file_key="flags.gfd.templateDir", kind="path", metavar="DIRECTORY", group=LABELS,
        help="A directory of your own templates; they add to gfd's or replace them.",
    ),
    Option(
        field="label_prefix_allow", flags=("--label-prefix-allow",),
        environment=("GFD_LABEL_PREFIX_ALLOW",), file_key="flags.gfd.labelPrefixAllow", kind="list",
        is_repeatable=True, metavar="PREFIX", group=LABELS,
        help="More label prefixes that your own templates may use.",
    ),
    Option(
        field="label_ttl_s", flags=("--label-ttl",), environment=("GFD_LABEL_TTL",),
        file_key="flags.gfd.labelTtl", kind="duration", default="off", metavar="DURATION",
        group=PUBLISHING,
        help="Labels expire this long after their last renewal; must be longer than the sleep interval.",
    ),
    Option(
        field="strict_config", flags=("--strict-config",), environment=("GFD_STRICT_CONFIG",),
        file_key="flags.gfd.strictConfig", kind="bool", default="false", group=SERVICE,
        help="Refuse a config file with unknown keys, instead of printing a warning.",
    ),
    Option(
        field="unified_memory", flags=("--unified-memory",), environment=("GFD_UNIFIED_MEMORY",),
        file_key="flags.gfd.unifiedMemory", kind="bool", default="false", group=HARDWARE,
        help="Read from CUDA the memory of a GPU that uses the CPU's and has none in NVML, such as GB10.",
    ),
    Option(
        field="probe_timeout_s", flags=("--probe-timeout",), environment=("GFD_PROBE_TIMEOUT",),
        file_key="flags.gfd.probeTimeout", kind="duration", default="30s", metavar="DURATION",
        group=HARDWARE,
        help="Stop reading the hardware after this time, and kill the process that reads it.",
    ),
    Option(
        field="stale_after_s", flags=("--stale-after",), environment=("GFD_STALE_AFTER",),
        file_key="flags.gfd.staleAfter", kind="duration", default="off", metavar="DURATION",
        group=PUBLISHING,
        help="Remove the labels if the hardware cannot be read for this long.",
    ),
    Option(
        field="node_condition", flags=("--node-condition",), environment=("GFD_NODE_CONDITION",),
        file_key="flags.gfd.nodeCondition", kind="bool", default="false", group=PUBLISHING,
        help="Set the Node condition nvidia.com/GPUReady, and record an event when a GPU fails or recovers.",
    ),
    Option(
        field="proc_driver_dir", flags=("--proc-driver-dir",), environment=("GFD_PROC_DRIVER_DIR",),
        file_key="flags.gfd.procDriverDir", kind="path", default="/proc/driver", metavar="DIRECTORY",
        group=HARDWARE,
        help="Where the host's /proc/driver is mounted; gfd updates the labels when it changes.",
    ),
    Option(
        field="metrics_addr", flags=("--metrics-addr",), environment=("GFD_METRICS_ADDR",),
        file_key="flags.gfd.metricsAddr", kind="address", metavar="[HOST]:PORT", group=SERVICE,
        help="The address for /metrics, /healthz and /readyz, such as :8080; without it, gfd serves nothing.",
    ),
    Option(
        field="log_level", flags=("--log-level",), environment=("GFD_LOG_LEVEL",),
        file_key="flags.gfd.logLevel", kind="choice", choices=("debug", "info", "warning", "error"),
        default="info", group=LOGGING,
        help="Log events of this level and above.",
    ),
    Option(
        field="log_format", flags=("--log-format",), environment=("GFD_LOG_FORMAT",),
        file_key="flags.gfd.logFormat", kind="choice", choices=("auto", "json", "console"),
        default="auto", group=LOGGING,
        help="The format of the log; auto means console on a terminal and json elsewhere.",
    ),
    Option(
        field="simulate", flags=("--simulate",), environment=("GFD_SIMULATE",), metavar="NAME|FILE",
        group=SIMULATION,
        help="Label a simulated machine instead of this one; 'gfd machines' lists them.",
    ),
    Option(
        field="mig", flags=("--mig",), environment=("GFD_MIG",), metavar="LAYOUT", group=SIMULATION,
        help="The MIG layout of the simulated machine: a name such as all-1g.10gb, or a mig-parted file.",
    ),
    Option(
        field="mig_config", flags=("--mig-config",), environment=("GFD_MIG_CONFIG",), metavar="NAME",
        group=SIMULATION,
        help="The configuration to use from the file given with --mig.",
    ),
)
# fmt: on
