"""What is measured: one file a side effect, and the table of all."""
