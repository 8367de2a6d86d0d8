"""Which nodes a pod fits, judged as kube-scheduler does, and if none, why and what to change."""
