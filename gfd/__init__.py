"""gfd tells Kubernetes what GPUs a node has.

One cycle is a pipeline, told in four lines by :mod:`gfd.worker.pipeline`::

    inventory = read()                 gfd.probe             NVML, sysfs, or a simulated machine
    node      = resolve(inventory, …)  gfd.labels.resources  MIG strategy, sharing, mixed models
    labels    = render(node)           gfd.labels.render     templates/*.j2, the only place with label keys
    publish(labels)                    gfd.publishing.sinks  feature file, standard output

I/O sits at both ends; the middle is pure functions over frozen values.
"""

__version__ = "0.1.0"
