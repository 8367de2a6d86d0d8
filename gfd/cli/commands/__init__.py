"""The commands, one module each. Without a command, gfd runs the service."""
