"""The GPUs of a cluster in a table, and each row that changes."""
