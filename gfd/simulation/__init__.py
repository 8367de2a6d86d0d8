"""Simulate machines: inventories from data files, without hardware."""
