"""Read a cluster's nodes, pods and devices, for the tools."""
