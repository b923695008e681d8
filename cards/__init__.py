"""Dataset cards, rendered from a release alone."""
