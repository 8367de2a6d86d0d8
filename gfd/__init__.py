"""gfd tells Kubernetes what GPUs a node has.

One cycle is a pipeline, told in four lines by :mod:`gfd.cycle`::

    inventory = read()                       gfd.probe      NVML, sysfs, or a simulated machine
    node      = resolve(inventory, …)        gfd.resources  MIG strategy, sharing, mixed models
    labels    = render(node)                 gfd.render     templates/*.j2, the only place with label keys
    publish(labels)                          gfd.sinks      feature file, standard output

I/O sits at both ends; the middle is pure functions over frozen values.
"""

__version__ = "0.1.0"
