"""Print a table of a cluster's GPUs, and each row that changes."""
