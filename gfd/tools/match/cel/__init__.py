"""Evaluate the CEL expressions of DeviceClasses and ResourceClaims on devices, as kube-scheduler does."""
