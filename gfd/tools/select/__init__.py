"""Find the nodeSelector and the resource for a device that a user describes, and the nodes that match."""
