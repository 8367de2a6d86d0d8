"""Judge which devices of ResourceSlices a pod's ResourceClaims can get on a node, as kube-scheduler does.

1. :mod:`.objects` reads ResourceClaims, ResourceClaimTemplates and DeviceClasses into the values of
   :mod:`.model`. :mod:`.reader` reads their fields, and refuses what the API server refuses, with
   :mod:`.rules`, :mod:`.references` and :mod:`.configurations`.
2. :mod:`.pod_claims` finds the claims that a pod names. :mod:`.extended_resources` makes the claim for
   resources such as ``nvidia.com/gpu`` that a DeviceClass gives.
3. :mod:`.supply` finds the :mod:`.pools` that the scheduler sees for a node, and :mod:`.state` keeps them
   while the pods of a run are placed.
4. :mod:`.allocation` allocates devices: :mod:`.requests` prepares the requests, :mod:`.search` tries devices,
   and :mod:`.holdings` has those that are chosen, within :mod:`.constraints`, :mod:`.capacity` and
   :mod:`.taints`.
5. :mod:`.refusals` are the reasons why claims get no devices. :mod:`.explanation` counts the devices that do
   not suit a request, by reason, and :mod:`.shortage` says that in a sentence.
"""
