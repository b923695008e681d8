"""Statistics of paired scores, with families of prompts as clusters."""
