"""A judge corrected by a person's blind labels."""
