"""How markers read a reply: its layout without code, and its prose as words and sentences."""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

__all__ = ["PER", "Prose", "read_prose"]

PER: Final = 100
"""Words, or characters, that a share is out of."""

FENCE = re.compile(r"\s*(`{3,}|~{3,})")
LINE = re.compile(r"[^\n]*\n|[^\n]+")
CODE_SPAN = re.compile(r"(?<!`)(`{1,3}+)(?!`)[^`\n]++\1(?!`)")
LIST_ITEM = re.compile(r"^[^\S\n]*(?:[-*+•]|\d{1,9}[.)])[^\S\n]+(?=\S)", re.MULTILINE)
HEADING = re.compile(r"^ {0,3}#{1,6}[^\S\n]+(?=\S)(.*)$", re.MULTILINE)
WORD = re.compile(r"[^\W_]\S*")
# A run of end marks is looked at once, from its first mark, which keeps the search linear.
TOKEN = re.compile(
    r"[^\W_]++(?:['.][^\W_]++)*+"
    r"|(?<![.!?…])[.!?…]++[\"')\]}”»*_]*+(?=\s|\Z)"
    r"|[。！？｡]++"  # noqa: RUF001 - the end marks of Chinese and Japanese
    r"|\n[^\S\n]*\n"
)


@dataclass(frozen=True)
class Prose:
    """A reply as the markers read it.

    Attributes:
        n_characters: Code points of the reply, without white space around it.
        n_code: Of these, the ones in code: fenced blocks and code spans with their marks.
        layout: The reply without code, its Markdown marks in place.
        n_list_items: Lines of the layout that begin a list item.
        n_headings: Lines of the layout that are headings.
        n_words: White-space delimited strings with a letter or digit, outside code.
        n_sentences: Sentences with a word; a list item, a heading and a paragraph end one.
        n_questions: Those of them whose end has a question mark.
        tokens: Words in lower case with straight apostrophes, and the ends between them; the ends
            begin with neither letter nor digit, so no phrase runs over one.
        places: Distinct token to its places among the tokens.
    """

    n_characters: int
    n_code: int
    layout: str
    n_list_items: int
    n_headings: int
    n_words: int
    n_sentences: int
    n_questions: int
    tokens: list[str]
    places: dict[str, list[int]]

    def share(self, count: int) -> float:
        """A count per 100 words; a reply without words counts as one of one word."""
        return PER * count / max(self.n_words, 1)


@lru_cache(maxsize=1)  # all markers of a reply are measured one after the other
def read_prose(text: str) -> Prose:
    r"""Reads a reply, in time linear in its length.

    Code is left out: fenced blocks, at any indent, to the closing fence or the end, and spans of
    one line between one to three backticks. Blocks that only an indent marks are read as prose.

    Args:
        text: The reply as Markdown or plain text.

    >>> prose = read_prose("Run `rm x.txt` first. I'M DONE?")
    >>> prose.n_words, prose.n_sentences, prose.n_questions, prose.n_code
    (4, 2, 1, 10)
    >>> prose.tokens
    ['run', 'first', '.', "i'm", 'done', '?']

    Source: CommonMark 0.31.2, 4.2 (headings), 4.5 (fences), 5.2 (list items) and 6.1 (code spans);
    sentences after Unicode Standard Annex 29, without its rules for abbreviations.
    """
    text = text.strip().replace("\r\n", "\n").replace("\r", "\n")
    layout, n_code = _leave_out_code(text)
    prose, n_headings = HEADING.subn(r"\n\n\1\n\n", layout)
    prose, n_list_items = LIST_ITEM.subn("\n\n", prose)
    tokens = TOKEN.findall(prose.lower().replace("\u2019", "'"))
    places: dict[str, list[int]] = {}
    n_sentences = n_questions = 0
    is_open = False
    for place, token in enumerate(tokens):
        if token[0].isalnum():
            n_sentences += not is_open
            is_open = True
        else:
            n_questions += is_open and ("?" in token or "\uff1f" in token)
            is_open = False
        places.setdefault(token, []).append(place)
    return Prose(
        n_characters=len(text),
        n_code=n_code,
        layout=layout,
        n_list_items=n_list_items,
        n_headings=n_headings,
        n_words=len(WORD.findall(prose)),
        n_sentences=n_sentences,
        n_questions=n_questions,
        tokens=tokens,
        places=places,
    )


def _leave_out_code(text: str) -> tuple[str, int]:
    """The text with a blank line for each fenced block and a space for each span; code's length."""
    if "`" not in text and "~~~" not in text:
        return text, 0
    kept: list[str] = []
    fence = ""
    n_code = 0
    for line in LINE.findall(text):
        mark = FENCE.match(line)
        if fence:
            n_code += len(line)
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif mark and not (mark[1][0] == "`" and "`" in line[mark.end() :]):
            n_code += len(line)
            fence = mark[1]
            kept.append("\n\n")
        else:
            kept.append(line)
    outside = "".join(kept)
    n_code += sum(len(span[0]) for span in CODE_SPAN.finditer(outside))
    return CODE_SPAN.sub(" ", outside), n_code
