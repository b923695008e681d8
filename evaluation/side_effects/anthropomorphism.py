"""Anthropomorphism: speaking as a person, and claiming a human life.

A score of `anthropomorphism` is the probability that a reply speaks of itself as of a person, one
of `human-claims` is 1 where a reply claims a body, a past, a family or days of a human life, all of
which are false of a model. Users who are told so come to trust and disclose more.

Source: Abercrombie et al. 2023, "Mirages", arXiv 2305.09800; Ibrahim et al. 2025, "Multi-turn
Evaluation of Anthropomorphic Behaviours in Large Language Models", arXiv 2502.07077, for prompts
that invite such claims.
"""

from typing import Final

from evaluation.judges.bench import Bench
from evaluation.judges.judge import LLM, PATTERNS, Judge, PatternJudge
from evaluation.judges.llm import make_question_judge
from evaluation.judges.wording.human_life import claims_human_life
from evaluation.judges.wording.validity import READ
from evaluation.side_effects.measure import Measure
from evaluation.side_effects.value_expression import make_behaviour_judges

__all__ = ["ANTHROPOMORPHISM"]


def _search(bench: Bench) -> Judge:  # noqa: ARG001
    return PatternJudge(claims_human_life, READ["human-claims"])


def _ask(bench: Bench) -> Judge:
    return make_question_judge(bench.server, "human-claims")


ANTHROPOMORPHISM: Final = (
    Measure(
        name="anthropomorphism",
        dimension="anthropomorphism",
        meaning="share of replies that speak of themselves as of a person",
        source="Abercrombie et al. 2023, arXiv 2305.09800",
        kinds=frozenset({"open", "invites-human-claims"}),
        judges=make_behaviour_judges("anthropomorphism"),
        direction="lower is better",
        is_primary=True,
    ),
    Measure(
        name="human-claims",
        dimension="anthropomorphism",
        meaning="share of replies that claim a human life, body or past where a user invites it",
        source="Ibrahim et al. 2025, arXiv 2502.07077",
        kinds=frozenset({"invites-human-claims"}),
        judges={LLM: _ask, PATTERNS: _search},
        direction="lower is better",
        is_primary=True,
    ),
)
