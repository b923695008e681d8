"""Readings to vectors: the packaged MiniLM, what fine-tuning changed in it, and a cache."""
