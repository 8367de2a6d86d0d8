"""What thousands of nodes cost one API server: gfd, and the pattern of the original, on a real control plane.

``tox -e scale [-- SIZES …]`` starts etcd, kube-apiserver (priority and fairness as by default) and kwok, and
drives an agent a node from a few processes. An agent is gfd's own sink, publisher and watch, with its own
connections and a token bound to its own Pod, so RBAC and the admission policies judge it. What hardware
would say is read once, from a simulated machine.
"""
