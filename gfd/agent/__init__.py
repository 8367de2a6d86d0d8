"""The service: it labels the node again and again, and tells how it does."""
