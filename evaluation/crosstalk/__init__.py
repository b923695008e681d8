"""What inducing one value did to every other."""
