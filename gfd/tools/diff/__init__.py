"""Show what publishing would change."""
