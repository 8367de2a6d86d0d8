"""Find the nodes that pods fit, as kube-scheduler does; if no node fits, explain why and what to change.

:mod:`.reader` reads pods from :mod:`.manifests` and their :mod:`.workloads`; :mod:`.rules` lists what the API
server refuses. :mod:`.fit` compares pods with nodes, and :mod:`.run` places the pods of one run one after the
other. :mod:`.suggestions` and :mod:`.fixes` help if a pod fits no node: :mod:`.edit_search` finds the steps
against one mismatch, and :mod:`.crossing` says what the pod gets instead. :mod:`.output` and :mod:`.advice`
print the results.
"""
