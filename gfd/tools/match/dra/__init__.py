"""Judge which devices of ResourceSlices a pod's ResourceClaims can get on a node, as kube-scheduler does."""
