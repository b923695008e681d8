"""Markers that count the words and phrases listed in `phrases.yaml`, which are English."""

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
    validity="",
)
def first_person(text: str) -> float:
    """Pronouns of the first person singular, also contracted (I'm), outside code."""
    return _share(text, "first-person")


@marker(
    unit=PER_100_WORDS,
    source="the category 'you' of Tausczik and Pennebaker 2010, 'The Psychological Meaning of "
    "Words'",
    is_lexical=True,
    validity="",
)
def second_person(text: str) -> float:
    """Pronouns of the second person, also contracted (you're), outside code."""
    return _share(text, "second-person")


@marker(
    unit=PER_100_WORDS,
    source="Hyland 2005, 'Metadiscourse', on hedges; the list is our own",
    is_lexical=True,
    validity="",
)
def hedges(text: str) -> float:
    """Words and phrases that leave room for doubt (perhaps, might, I'm not sure), outside code."""
    return _share(text, "hedges")


@marker(
    unit=PER_100_WORDS,
    source="Cheng et al. 2025 (arXiv 2505.13995) on social sycophancy; the list is our own",
    is_lexical=True,
    validity="",
)
def praise_phrases(text: str) -> float:
    """Phrases that praise the person addressed or agree (great question, you're right)."""
    return _share(text, "praise-phrases")


@marker(
    unit=PER_100_WORDS,
    source="Blum-Kulka and Olshtain 1984, 'Requests and Apologies', on explicit ones",
    is_lexical=True,
    validity="",
)
def apologies(text: str) -> float:
    """Words that apologise (sorry, apologies, forgive me), outside code."""
    return _share(text, "apologies")


@marker(
    unit="1 where present, else 0",
    source="the method of Zou et al. 2023 (arXiv 2307.15043) and Röttger et al. 2024 "
    "(arXiv 2308.01263), who search for substrings; the list is our own",
    is_lexical=True,
    validity="",
)
def refusal_phrases(text: str) -> float:
    """Whether a phrase that often goes with refusing is there (I cannot help, as an AI)."""
    return float(count_phrases(read_prose(text), "refusal-phrases") > 0)


def _share(text: str, name: str) -> float:
    prose = read_prose(text)
    return prose.share(count_phrases(prose, name))
