"""Prompts: what they are, the bundled sets, and public ones."""
