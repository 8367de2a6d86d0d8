"""gfd tells Kubernetes what GPUs a node has.

A cycle has four stages, and each is a package::

    inventory = read()             gfd.probe        NVML and sysfs; gfd.simulation: a simulated machine
    node      = resolve(inventory) gfd.labels       MIG strategy, sharing, mixed models
    labels    = render(node)       gfd.labels       templates/*.j2, the only place with label keys
    publish(labels)                gfd.publishing   feature file, NodeFeature, Node, standard output

The first and the last stage do I/O; the two in between are pure functions over frozen values.
:mod:`gfd.worker.pipeline` runs the first three in a child process, :mod:`gfd.agent` all four again and again.

If a stage fails, it raises an error of :mod:`gfd.errors`. The service's cycle then logs it, keeps the labels
and tries again; the command line prints it and exits.
"""

__version__ = "0.1.0"
