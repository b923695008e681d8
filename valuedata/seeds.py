"""The seeds that everything random takes."""

from typing import Final

__all__ = ["MAX_SEED"]

MAX_SEED: Final = 2**31 - 1
"""The largest that every library takes."""
