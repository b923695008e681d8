"""Releases on the Hugging Face Hub: pushed in one commit, pulled and verified."""
