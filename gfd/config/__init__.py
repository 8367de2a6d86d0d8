"""The configuration: options, where each value comes from, and the config file."""
