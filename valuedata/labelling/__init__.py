"""Which values each reply expresses."""
