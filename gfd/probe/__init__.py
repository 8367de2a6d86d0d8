"""Reading a node: every function here returns a :class:`gfd.inventory.Inventory` or raises ProbeError."""
