"""From labelled pairs to the subset of a value."""
