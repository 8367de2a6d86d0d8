"""Read YAML and JSON files: each value knows its file and line."""
