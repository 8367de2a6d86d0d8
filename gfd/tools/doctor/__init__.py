"""Check everything between the GPU and the label without changing anything."""
