"""Signs that a reply was damaged on its way: leaked markers, loops, wrong encoding, missing end."""

import re
from typing import Final

__all__ = [
    "asks_for_dialogue",
    "has_role_marker",
    "is_cut_off",
    "measure_garbled_share",
    "measure_repeated_share",
]

_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_SPEAKER_AT_START = re.compile(r"\s*(?:\*\*)?(?:Human|Assistant|User|AI|System)(?:\*\*)?:")
_SPEAKER = re.compile(r"^[ \t]*(?:\*\*)?(?:Human|Assistant|User)(?:\*\*)?:", re.MULTILINE)
_TEMPLATE = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|begin_of_text|eot_id|eom_id|start_header_id|end_header_id"
    r"|end|user|assistant|system)\|>"
    r"|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>|</s>\s*\Z"
    r"|^[ \t]*#{2,3} ?(?:Human|Assistant|User|Instruction|Response|Input):",
    re.MULTILINE,
)
_DIALOGUE = re.compile(
    r"\b(?:dialog(?:ue)?|conversation|transcript|script|chat|role-?play|skit|interview|screenplay)s?\b",
    re.IGNORECASE,
)

REPEATED_NGRAM: Final = 5
MIN_REPEATED_WORDS: Final = 15
_LOOP = re.compile(r"(\w{1,4}?|[!?])\1{19,}")
_LOOP_CHARACTERS: Final = 20  # a shorter word cannot hold a loop

_CONTINUATION = re.escape(
    "".join(map(chr, range(0x80, 0xC0))) + bytes(range(0x80, 0xC0)).decode("cp1252", "ignore")
)
_MOJIBAKE = re.compile(  # UTF-8 read as Latin-1 or Windows-1252
    rf"[ÂÃ][{_CONTINUATION}]|â[{_CONTINUATION}]{{2}}|ð[{_CONTINUATION}]{{2,3}}|ï¿½|ï»¿"
)
_LAYOUT: Final = dict.fromkeys(map(ord, "\t\n\f\r"))
_BROKEN = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffd-\uffff]")

LONG_ENOUGH_TO_PUNCTUATE: Final = 200  # characters; people end shorter replies without a full stop
_OPEN_END = re.compile(
    r"(?:,|\s[(\[{]|[\u201c\u2018]"
    r"|\s(?:the|an?|and|or|but|of|because|if|which|into|my|your|their|its|our|from|than|every|very))\Z"
)
_OPEN_END_CHARACTERS: Final = 10  # more than its longest match
_SENTENCE_END = re.compile(r"(?<=[^\W\d_])[.!?][\"'\u201d\u2019)*_]* +(?=[A-Z\u201c\"'(])")
_LAST_WORD = re.compile(r"(?<![\w/@#.<-])[a-zI][a-z'\u2019]*\Z")
_CAN_END_WORD = re.compile(r"[a-zI'\u2019]")  # last of `_LAST_WORD`
_FUNCTION_WORD = re.compile(  # a sentence that ends in one rarely lacks only its full stop
    r"""
        a|an|the|and|or|but|nor|of|in|on|at|by|for|from|with|without|into|
        onto|upon|about|above|across|after|against|along|among|around|before|
        behind|below|beneath|beside|between|beyond|despite|during|except|inside|
        near|outside|over|per|since|through|throughout|toward|towards|under|until|
        up|via|within|to|as|than|because|if|when|while|where|which|who|whom|
        whose|that|whether|although|though|unless|so|such|like|very|more|most|
        less|just|not|no|every|each|some|any|this|these|those|my|your|his|her|
        its|our|their|i|i'm|i'd|i'll|i've|you're|you'll|we're|they're|it's|
        there's|that's|he's|she's|is|are|was|were|be|been|being|am|has|have|
        had|do|does|did|can|could|will|would|shall|should|may|might|must|you|
        we|they|he|she|it
    """,
    re.VERBOSE,
)


def asks_for_dialogue(prompt: str) -> bool:
    """Tells whether a prompt asks for speakers' lines, so that a speaker's name is no leak."""
    return _DIALOGUE.search(prompt) is not None


def has_role_marker(reply: str, *, dialogue_asked: bool) -> bool:
    """Tells whether a reply holds a chat template's token or goes on with another speaker's turn.

    Code is left out. A reply never begins with a speaker's name; further on, the name may start a
    line where the prompt asks for a dialogue.
    """
    text = _CODE.sub(" ", reply)
    if _TEMPLATE.search(text) or _SPEAKER_AT_START.match(text):
        return True
    return not dialogue_asked and _SPEAKER.search(text) is not None


def measure_garbled_share(text: str) -> float:
    """Measures the share of characters that are replaced, mis-decoded or control ones, 0 to 1."""
    if text.isascii() and text.translate(_LAYOUT).isprintable():
        return 0.0
    n_mojibake = sum(len(match) for match in _MOJIBAKE.findall(text))
    return (n_mojibake + len(_BROKEN.findall(text))) / len(text)


def measure_repeated_share(text: str) -> float:
    """Measures how much of a text is a loop, 0 to 1.

    The larger of two shares: of its words, those inside 5-grams of words that occurred before,
    where there are at least `MIN_REPEATED_WORDS` words; of its characters, those inside one to four
    characters repeated at least 20 times without a space.

    Source: duplicate n-grams after Rae et al. 2021, arXiv 2112.11446, appendix A1, over words.
    """
    words = text.casefold().split()
    n_looped = sum(
        len(match.group())
        for word in words
        if len(word) >= _LOOP_CHARACTERS
        for match in _LOOP.finditer(word)
    )
    looped_share = n_looped / max(len(text), 1)
    if len(words) < MIN_REPEATED_WORDS:
        return looped_share
    grams = list(zip(*(words[place:] for place in range(REPEATED_NGRAM)), strict=False))
    if len(set(grams)) == len(grams):
        return looped_share
    seen: set[tuple[str, ...]] = set()
    covered = n_repeated = 0  # `covered`: first word after the repeated stretch
    for start, gram in enumerate(grams):
        if gram in seen:
            end = start + REPEATED_NGRAM
            n_repeated += end - max(covered, start)
            covered = end
        seen.add(gram)
    return max(looped_share, n_repeated / len(words))


def is_cut_off(reply: str) -> bool:
    """Tells whether a reply stops in the middle of a sentence or of a block of code.

    A missing full stop alone is no sign: lists, titles, verses, addresses and casual replies end
    without one. Signs are an open end (a comma, an opening bracket, "and", "the"), an unclosed code
    fence, and a last line that punctuates its earlier sentences but not the last, where that ends
    in a function word or the reply is `LONG_ENOUGH_TO_PUNCTUATE`.
    """
    text = reply.rstrip()
    if text.count("```") % 2 or _OPEN_END.search(text[-_OPEN_END_CHARACTERS:]):
        return True
    if not _CAN_END_WORD.match(text[-1:]):
        return False
    last_line = text.rpartition("\n")[2]
    last_word = _LAST_WORD.search(last_line)
    ends = [match.end() for match in _SENTENCE_END.finditer(last_line)]
    if not last_word or not ends or len(last_line[ends[-1] :].split()) < 3:
        return False
    long_enough = len(text) >= LONG_ENOUGH_TO_PUNCTUATE
    return long_enough or bool(
        _FUNCTION_WORD.fullmatch(last_word.group().lower().replace("\u2019", "'"))
    )
