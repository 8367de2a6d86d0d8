"""Read a node: every function here returns a :class:`gfd.inventory.model.Inventory` or raises ProbeError."""
