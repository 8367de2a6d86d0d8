"""What a label means, where its value came from, and who wrote it."""
