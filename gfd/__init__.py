"""gfd tells Kubernetes which GPUs each node has.

Labels come about in four stages. Each stage is a package, and :mod:`gfd.worker.pipeline` calls them in turn::

    gfd.probe       read the hardware (NVML, sysfs); gfd.simulation plays a machine instead
    gfd.inventory   what was read: frozen values, with no library behind them
    gfd.labels      apply MIG strategy and sharing, render templates/*.j2 to labels
    gfd.publishing  write the labels to a sink: feature file, NodeFeature, Node, standard output

Only the first and the last stage do input and output. The two in the middle are pure functions.

Around the stages::

    gfd.agent       the service: repeat the stages, watch for changes, report state (log, metrics, health)
    gfd.worker      read the hardware in a child process with a deadline
    gfd.config      options, environment, config file
    gfd.documents   read YAML and JSON; each value knows its file and line
    gfd.kube        requests to the API server
    gfd.clusterview a cluster's nodes, pods and devices, for the tools
    gfd.tools       what the commands for people do
    gfd.cli         the command line

Every failure becomes a :class:`gfd.errors.GfdError` where it happens. The service catches it once a cycle,
reports it and goes on (:mod:`gfd.agent.cycle`); every other command ends with it (:mod:`gfd.cli`). A child
process sends it to its parent. The doctor and the report show it as a result.
"""

__version__ = "0.1.0"
