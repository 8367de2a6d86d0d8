"""Benchmarks: gfd beside the original, on the same nodes in the same run.

``python -m bench`` runs them all; each is a file here and an entry in :data:`bench.__main__.BENCHMARKS`.
"""
