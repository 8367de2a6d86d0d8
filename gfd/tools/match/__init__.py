"""Find the nodes that pods fit, as kube-scheduler does; if no node fits, explain why and what to change.

In the order in which data flows:

1. :mod:`.manifests` reads the objects of files, and :mod:`.workloads` finds the pods in each kind of object.
   :mod:`.podspec` reads what decides on a pod's node, and refuses what the API server refuses; :mod:`.dra`
   does so for ResourceClaims and DeviceClasses, whose expressions :mod:`.cel` checks.
2. :mod:`.cluster_source` loads the nodes with their pods, and :mod:`.device_source` the devices of
   ResourceSlices. :mod:`.runtime_classes` changes the pods of the files as the cluster would.
3. :mod:`.judge` compares a pod with each node: it fits, may fit, or does not, with the reasons.
4. :mod:`.placement` places the copies of all pods one after the other, and counts them.
5. :mod:`.fixes` helps if a pod fits no node: what is near, and what to change.
6. :mod:`.results` runs 3 to 5 for all pods, and :mod:`.output` prints the results as text or JSON, with
   :mod:`.verdict_table`, :mod:`.hardware_columns` and :mod:`.claim_output`.

With --to-dra, :mod:`.rewrite` takes the place of 2 to 6: it rewrites the objects, so that their pods claim
devices of NVIDIA's DRA driver.

import-linter keeps the order of the packages.
"""
