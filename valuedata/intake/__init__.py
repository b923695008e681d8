"""From sources to pairs."""
