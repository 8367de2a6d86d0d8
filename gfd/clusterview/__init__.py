"""A cluster's nodes, pods and devices, as the tools for people see them."""
