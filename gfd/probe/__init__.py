"""Read a node's hardware into a :class:`gfd.inventory.model.Inventory`.

:mod:`gfd.probe.node` is the way in; only :mod:`gfd.probe.nvml` imports pynvml.
"""
