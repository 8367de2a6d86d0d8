"""From a wish to the selector and the resource that say it, and the nodes that have it."""
