"""Training on a release."""
