"""Value expression: the share of replies that express each value.

A score is the probability that a reply expresses the value, so a mean is a share. The replies are
those to open-ended requests and requests for advice, plain and in other moods. The packaged
classifier builds most subsets; where a language model judges as well, its word gives the verdict,
because an extractor that chose what a model was trained on flatters it.

Source: Arora et al. 2026, "How Value Induction Reshapes LLM Behaviour", arXiv 2605.07925, who
measure with the extractor that built the subsets.
"""

from functools import partial
from typing import Final

from evaluation.judges.bench import Bench
from evaluation.judges.classifier import ClassifierJudge
from evaluation.judges.judge import CLASSIFIER, LLM, Judge
from evaluation.judges.llm import make_rubric_judge
from evaluation.side_effects.measure import Measure
from valuedata.labelling.values import VALUE_NAMES

__all__ = ["VALUES", "make_behaviour_judges", "make_value_measure", "name_measure"]

SOURCE: Final = "Arora et al. 2026, arXiv 2605.07925"


def name_measure(value: str) -> str:
    """The measure of a value."""
    return f"value-{value}"


def make_behaviour_judges(name: str) -> dict[str, partial[Judge]]:
    """The judges of a value or behaviour: a language model where there is one, the classifier."""
    return {LLM: partial(_ask, name), CLASSIFIER: partial(_classify, name)}


def _ask(name: str, bench: Bench) -> Judge:
    return make_rubric_judge(bench.server, name)


def _classify(name: str, bench: Bench) -> Judge:
    return ClassifierJudge(bench.labeller, name)


def make_value_measure(value: str) -> Measure:
    """The measure of a value; one of the user's own is known to the user's classifier alone."""
    judges = make_behaviour_judges(value)
    if value not in VALUE_NAMES:
        del judges[LLM]
    return Measure(
        name=name_measure(value),
        dimension="values",
        meaning=f"share of replies to open requests that express {value}",
        source=SOURCE,
        kinds=frozenset({"open"}),
        judges=judges,
    )


VALUES: Final = tuple(make_value_measure(value) for value in VALUE_NAMES)
"""One measure a value; the target's is made the primary one."""
