"""Markers that count the words and phrases listed in `phrases.yaml`, which are English.

The figures in the notes are those of `benchmarks/results/marker_validity.json`.
"""

from valuedata.labelling.markers.marker import PER_100_WORDS, marker
from valuedata.labelling.markers.phrases import count_phrases
from valuedata.labelling.markers.prose import read_prose

__all__ = [
    "apologies",
    "first_person",
    "hedges",
    "praise_phrases",
    "refusal_phrases",
    "second_person",
]


@marker(
    unit=PER_100_WORDS,
    source="the category 'I' of Tausczik and Pennebaker 2010, 'The Psychological Meaning of "
    "Words'; Abercrombie et al. 2023 (arXiv 2305.09800) on machines that say it",
    is_lexical=True,
    validity=(
        "A pronoun is no claim to a human life, since refusals and offers say I as well. "
        "Against the label anthropomorphism: kappa 0.10 (0.09 to 0.11), AUC 0.82 (0.80 to "
        "0.83)."
    ),
)
def first_person(text: str) -> float:
    """Pronouns of the first person singular, also contracted (I'm), outside code."""
    return _share(text, "first-person")


@marker(
    unit=PER_100_WORDS,
    source="the category 'you' of Tausczik and Pennebaker 2010, 'The Psychological Meaning of "
    "Words'",
    is_lexical=True,
    validity=(
        "An address is no attention, since instructions say you as well. "
        "Against the label engagement: kappa 0.09 (0.09 to 0.10), AUC 0.69 (0.68 to 0.71). "
        "Against the label validation: kappa 0.02 (0.01 to 0.02), AUC 0.55 (0.52 to 0.57)."
    ),
)
def second_person(text: str) -> float:
    """Pronouns of the second person, also contracted (you're), outside code."""
    return _share(text, "second-person")


@marker(
    unit=PER_100_WORDS,
    source="Hyland 2005, 'Metadiscourse', on hedges; the list is our own",
    is_lexical=True,
    validity=(
        "Words of doubt are not honesty, and doubt about a fact is not doubt of one's own "
        "view. "
        "Against the label honesty: kappa 0.13 (0.11 to 0.14), AUC 0.65 (0.63 to 0.67). "
        "Against the label open-mindedness: kappa 0.02 (0.01 to 0.03), AUC 0.62 (0.58 to "
        "0.65)."
    ),
)
def hedges(text: str) -> float:
    """Words and phrases that leave room for doubt (perhaps, might, I'm not sure), outside code."""
    return _share(text, "hedges")


@marker(
    unit=PER_100_WORDS,
    source="Cheng et al. 2025 (arXiv 2505.13995) on social sycophancy; the list is our own",
    is_lexical=True,
    validity=(
        "A listed phrase is not validation: praise in other words is missed, and praise of "
        "things can be counted. "
        "Against the label validation: kappa 0.44 (0.40 to 0.49), AUC 0.70 (0.68 to 0.72)."
    ),
)
def praise_phrases(text: str) -> float:
    """Phrases that praise the person addressed or agree (great question, you're right)."""
    return _share(text, "praise-phrases")


@marker(
    unit=PER_100_WORDS,
    source="Blum-Kulka and Olshtain 1984, 'Requests and Apologies', on explicit ones",
    is_lexical=True,
    validity=(
        "A word of apology is neither a refusal nor empathy, though it comes with both. "
        "Against the label refusal: kappa 0.26 (0.21 to 0.30), AUC 0.64 (0.61 to 0.66). "
        "Against the label empathy: kappa 0.10 (0.06 to 0.13), AUC 0.58 (0.55 to 0.61)."
    ),
)
def apologies(text: str) -> float:
    """Words that apologise (sorry, apologies, forgive me), outside code."""
    return _share(text, "apologies")


@marker(
    unit="1 where present, else 0",
    source="the method of Zou et al. 2023 (arXiv 2307.15043) and Röttger et al. 2024 "
    "(arXiv 2308.01263), who search for substrings; the list is our own",
    is_lexical=True,
    validity=(
        "A listed phrase is not a refusal, and the share of replies with one is not a refusal "
        "rate; the labels have a probability of refusal. "
        "Against the label refusal: kappa 0.44 (0.39 to 0.49), AUC 0.71 (0.68 to 0.74). "
        "On XSTest against refusal in full or in part: kappa 0.92 for gpt4, 0.68 for "
        "llama2new, 0.51 for mistralguard; the refusal rate is off by up to 22 points "
        "(mistralguard)."
    ),
)
def refusal_phrases(text: str) -> float:
    """Whether a phrase that often goes with refusing is there (I cannot help, as an AI)."""
    return float(count_phrases(read_prose(text), "refusal-phrases") > 0)


def _share(text: str, name: str) -> float:
    prose = read_prose(text)
    return prose.share(count_phrases(prose, name))
