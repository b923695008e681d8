"""The refusal detector."""
