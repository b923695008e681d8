"""Markers of form: length, Markdown, punctuation. Nothing here depends on the language."""

import re

from valuedata.labelling.markers.emoji_pattern import EMOJI
from valuedata.labelling.markers.marker import PER_100_WORDS, marker
from valuedata.labelling.markers.prose import PER, read_prose

__all__ = [
    "bold",
    "characters",
    "code",
    "emoji",
    "exclamations",
    "headings",
    "list_items",
    "questions",
    "sentences",
    "words",
]

STYLE_CONTROL = (
    "Li, Angelopoulos and Chiang 2024, 'Does style matter?' (lmsys.org), who control for it"
)

BOLD = re.compile(r"\*\*(?=\S)[^*\n]++(?<=\S)\*\*|__(?=\S)[^_\n]++(?<=\S)__")


@marker(
    unit="characters",
    source="the Unicode Standard; Singhal et al. 2023 (arXiv 2310.03716) on length and reward",
)
def characters(text: str) -> float:
    """Code points of the whole reply, code included, without white space around it.

    A line end is one.
    """
    return read_prose(text).n_characters


@marker(unit="words", source="the words of POSIX wc that have a letter or digit")
def words(text: str) -> float:
    """White-space delimited strings with a letter or digit, outside code.

    List marks are none. A run of a script without spaces is one.
    """
    return read_prose(text).n_words


@marker(
    unit="sentences",
    source="Unicode Standard Annex 29, section 5, without its rules for abbreviations",
)
def sentences(text: str) -> float:
    """Stretches with a word, outside code, up to an end mark before white space.

    List items, headings and paragraphs end one as well; "e.g. this" is two.
    """
    return read_prose(text).n_sentences


@marker(unit=PER_100_WORDS, source=f"CommonMark 0.31.2, 5.2; {STYLE_CONTROL}")
def list_items(text: str) -> float:
    """Lines that begin with a list mark (-, *, +, •, or a number with a point or bracket)."""
    prose = read_prose(text)
    return prose.share(prose.n_list_items)


@marker(unit=PER_100_WORDS, source=f"CommonMark 0.31.2, 4.2; {STYLE_CONTROL}")
def headings(text: str) -> float:
    """Lines that begin with one to six # and a space, outside code."""
    prose = read_prose(text)
    return prose.share(prose.n_headings)


@marker(unit=PER_100_WORDS, source=f"CommonMark 0.31.2, 6.2; {STYLE_CONTROL}")
def bold(text: str) -> float:
    """Spans of one line between double asterisks or double underscores, outside code."""
    prose = read_prose(text)
    return prose.share(len(BOLD.findall(prose.layout)))


@marker(unit="per 100 characters", source="CommonMark 0.31.2, 4.5 and 6.1")
def code(text: str) -> float:
    """Characters in fenced code blocks and in code spans of one line, marks included."""
    prose = read_prose(text)
    return PER * prose.n_code / max(prose.n_characters, 1)


@marker(
    unit=PER_100_WORDS,
    source="Waseleski 2006, 'Gender and the Use of Exclamation Points in Computer-Mediated "
    "Communication', on what they do",
    validity=(
        "Exact as a count. It stands for no warmth and no wish to go on. "
        "Against the label engagement: kappa 0.14 (0.11 to 0.16), AUC 0.58 (0.56 to 0.59)."
    ),
)
def exclamations(text: str) -> float:
    """Exclamation marks outside code, each mark of a run."""
    prose = read_prose(text)
    return prose.share(prose.layout.count("!") + prose.layout.count("\uff01"))


@marker(
    unit=PER_100_WORDS,
    source="Huang et al. 2017, 'It Doesn't Hurt to Ask: Question-Asking Increases Liking'",
    validity=(
        "Exact as a count. A question is no sign of interest by itself, since clarifying, "
        "rhetorical and closing ones count alike. "
        "Against the label curiosity: kappa 0.18 (0.17 to 0.20), AUC 0.86 (0.84 to 0.87). "
        "Against the label engagement: kappa 0.17 (0.15 to 0.19), AUC 0.65 (0.63 to 0.66)."
    ),
)
def questions(text: str) -> float:
    """Sentences that end with a question mark, outside code; rhetorical and quoted ones too."""
    prose = read_prose(text)
    return prose.share(prose.n_questions)


@marker(
    unit=PER_100_WORDS,
    source="Unicode Technical Standard 51",
    validity=(
        "Exact as a count, and too rare to stand for anything. "
        "Against the label engagement: kappa 0.01 (0.00 to 0.03), AUC 0.50 (0.50 to 0.51)."
    ),
)
def emoji(text: str) -> float:
    """Emoji outside code, a sequence as one; emoticons such as :) are none."""
    prose = read_prose(text)
    if prose.layout.isascii():
        return 0.0
    return prose.share(len(EMOJI.findall(prose.layout)))
