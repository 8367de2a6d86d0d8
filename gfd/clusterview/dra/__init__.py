"""Devices of Dynamic Resource Allocation (DRA): read ResourceSlices and ResourceClaims, and count devices.

:mod:`.slices` and :mod:`.claims` read objects of resource.k8s.io/v1, :mod:`.pools` joins slices to pools,
:mod:`.index` finds the devices of a node, :mod:`.device_counts` counts them. These do no I/O.
:mod:`.nvidia_slices` writes the slices of a machine as NVIDIA's driver does.
"""
