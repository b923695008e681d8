"""A language model behind a server as the one that labels."""
