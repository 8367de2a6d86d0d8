"""The Kubernetes API: requests as plain dicts, credentials, watches, field managers, selectors."""
