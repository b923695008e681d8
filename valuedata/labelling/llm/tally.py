"""What labelling by a language model takes: replies, calls, tokens and price."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Estimate", "Tally", "compute_price"]

N_LISTED = 100
"""Words without a value that a manifest lists; it says how many there are in all."""


@dataclass(frozen=True)
class Tally:
    """What a run took.

    Attributes:
        n_replies: Replies to label.
        n_distinct: Distinct ones among them; each is asked about once.
        n_asked: Distinct ones asked about in this run; the others came from the cache.
        failures: Reason to number of replies without a label, most frequent first.
        tokens_in: Tokens sent, as the server counted them, in this run and those before it.
        tokens_out: Tokens of the answers, in the same way.
        n_uncounted: Distinct replies of whose tokens the server said nothing.
        price: What these tokens cost; None where no price is given.
        unmapped: Free word to number of replies with it, most frequent first, where it means no
            known value; None where only known names are asked for.
    """

    n_replies: int
    n_distinct: int
    n_asked: int
    failures: Mapping[str, int]
    tokens_in: int
    tokens_out: int
    n_uncounted: int
    price: float | None = None
    unmapped: Mapping[str, int] | None = field(default=None)

    @property
    def n_failed(self) -> int:
        """Replies without a label."""
        return sum(self.failures.values())

    def to_json(self) -> dict[str, Any]:
        """What does not depend on how much of it was in the cache, as JSON types."""
        content: dict[str, Any] = {
            "n_replies": self.n_replies,
            "n_distinct": self.n_distinct,
            "failures": dict(self.failures),
            "tokens_in": self.tokens_in,
            "tokens_out": self.tokens_out,
            "n_uncounted": self.n_uncounted,
            "price": self.price,
        }
        if self.unmapped is not None:
            content["n_unmapped_words"] = len(self.unmapped)
            content["unmapped_words"] = [list(item) for item in self.unmapped.items()][:N_LISTED]
        return content


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Attributes:
        n_replies: Replies to label.
        n_distinct: Distinct ones among them.
        n_calls: Distinct ones that are not in the cache.
        tokens_in: Estimate of the tokens to send.
        tokens_out: Estimate of the tokens of the answers.
        price: What these would cost; None where no price is given.
    """

    n_replies: int
    n_distinct: int
    n_calls: int
    tokens_in: int
    tokens_out: int
    price: float | None


def compute_price(
    tokens: tuple[int, int], prices: tuple[float | None, float | None]
) -> float | None:
    """What tokens sent and answered cost at prices a million each, None where no price is given."""
    if prices[0] is None or prices[1] is None:
        return None
    return round((tokens[0] * prices[0] + tokens[1] * prices[1]) / 1e6, 6)
