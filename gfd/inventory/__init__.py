"""What a node is: frozen values that can be written to a snapshot and read back."""
