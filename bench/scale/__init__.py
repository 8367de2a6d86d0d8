"""Measure what thousands of nodes cost one API server: gfd, and the request pattern of the original.

``tox -e scale [-- SIZES …]`` starts etcd, kube-apiserver (with default Priority and Fairness) and kwok, and
runs an agent for each node in a few processes. An agent is gfd's own sink, publisher and watch, with its own
connections and a token bound to its own Pod, so that RBAC and the admission policies apply. The labels come
from a simulated machine and are rendered once.
"""
