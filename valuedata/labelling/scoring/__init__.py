"""Labels measured against people's, or against each other."""
