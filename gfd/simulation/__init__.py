"""Machines as data: inventories of GPUs that are not there."""
