"""Results as a text and as a page."""
