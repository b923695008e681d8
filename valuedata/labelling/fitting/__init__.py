"""Labelled replies to weights, and how good these are."""
