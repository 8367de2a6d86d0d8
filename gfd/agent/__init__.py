"""The service: it labels the node, now and after each change, and reports on itself."""
