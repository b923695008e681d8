"""Pairs that should not be learned from, and why."""
