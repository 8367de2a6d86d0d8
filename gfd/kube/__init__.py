"""The Kubernetes API, as far as gfd needs it: plain dicts over the kubernetes package's connection."""
