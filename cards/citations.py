"""Whom to cite: the paper whose method a release follows, and valuedata."""

from typing import Final

__all__ = ["PAPER", "cite_valuedata"]

# Source: arXiv 2605.07925.
PAPER: Final = """@inproceedings{arora2026value,
  title     = {How Value Induction Reshapes {LLM} Behaviour},
  author    = {Arora and Schluter and Metcalf and ter Hoeve},
  booktitle = {Findings of the Association for Computational Linguistics: ACL 2026},
  year      = {2026},
  note      = {arXiv:2605.07925},
}"""


def cite_valuedata(version: str) -> str:
    """BibTeX of a version of valuedata."""
    return f"""@software{{valuedata,
  title   = {{valuedata: value-specific subsets of preference data}},
  author  = {{{{The valuedata authors}}}},
  year    = {{2026}},
  version = {{{version}}},
}}"""
