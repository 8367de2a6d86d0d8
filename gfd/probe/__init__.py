"""Read a node's hardware into a :class:`gfd.inventory.model.Inventory`.

Start at :mod:`gfd.probe.node`. Only :mod:`gfd.probe.nvml` imports pynvml.
"""
