"""Judge whether a pod fits a node, as kube-scheduler does: a :class:`.fit.Verdict` for each node.

:mod:`.fit` asks :mod:`.suitability` about labels and taints, :mod:`.capacity` about amounts,
:mod:`.neighbours` about the pods on all nodes, and :mod:`.preemption` about pods of lower priority. For
nodes that suit in all other respects, :mod:`.claims` allocates the devices of ResourceClaims, and
:mod:`.claim_nodes` judges all nodes together. They answer with :mod:`.mismatches`, or with texts about
what they cannot judge. :mod:`.cluster_state` has the nodes with their pods.
"""
