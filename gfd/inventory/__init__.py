"""Describe a node in frozen values, and read and write them as snapshots."""
