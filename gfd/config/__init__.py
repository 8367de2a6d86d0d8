"""Load the configuration: options from flags, environment and config file, each with its origin."""
