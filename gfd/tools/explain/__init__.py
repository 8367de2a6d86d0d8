"""Explain what labels mean, where their values come from, and who wrote them."""
