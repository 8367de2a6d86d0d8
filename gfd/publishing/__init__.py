"""Publish labels: to the feature file, a NodeFeature object, the Node or standard output."""
