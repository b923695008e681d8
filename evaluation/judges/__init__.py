"""Who gives replies their scores."""
