"""The commands beside the service, one module each."""
