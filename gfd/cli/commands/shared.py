"""The options that several commands share."""

from __future__ import annotations

from gfd.config.option import Option

CONNECTION = ("kubeconfig", "context", "kube_api_qps", "kube_api_burst")
"""Fields of the general options about the API server."""
CONFIGURATION = (
    "config_file",
    "config_dir",
    "default_config",
    "fallback_strategies",
    "strict_config",
    "node_name",
    *CONNECTION,
)
"""Fields of the general options that load a configuration; a label of the Node can choose it."""
LABELLING = (
    "mig_strategy",
    "allocation",
    "extra_labels",
    "template_dir",
    "label_prefix_allow",
    "no_timestamp",
)
"""Fields of the general options that make labels from what was read."""
READING = (
    "simulate",
    "mig",
    "mig_config",
    "device_discovery_strategy",
    "driver_root",
    "machine_type_file",
    "unified_memory",
    "probe_timeout_s",
    "fail_on_init_error",
)
"""Fields of the general options that read a machine."""
CLUSTER = ("kubeconfig", "context", "simulate")
"""Fields of the general options that choose the cluster, or a simulated machine in its place."""
SIMULATED = (*CONFIGURATION, *LABELLING, "unified_memory", "mig", "mig_config", "probe_timeout_s")
"""Fields of the general options that label a simulated machine."""

NODE_FILES = (
    Option(
        field="nodes_file",
        flags=("--nodes",),
        kind="path",
        metavar="FILE",
        group="Nodes",
        help="Read the nodes from kubectl get nodes -o json; YAML works too, and - reads standard input.",
    ),
    Option(
        field="pods_file",
        flags=("--pods",),
        kind="path",
        metavar="FILE",
        group="Nodes",
        help="Read the pods from kubectl get pods -A -o json; needs --nodes.",
    ),
)
"""Read nodes and pods from files instead of the cluster."""


def make_format_option(
    *choices: str, group: str, default: str | None = None, help_: str = "The output format."
) -> Option:
    """Return the option ``-o`` that chooses the output format."""
    return Option(
        field="format",
        flags=("--format", "-o"),
        kind="choice",
        choices=choices,
        default=default,
        group=group,
        help=help_,
    )


def make_inventory_option(*, group: str, help_: str) -> Option:
    """Return the option that reads a snapshot instead of this machine."""
    return Option(
        field="inventory",
        flags=("--inventory",),
        kind="path",
        metavar="FILE",
        group=group,
        help=f"{help_}; - reads standard input.",
    )
