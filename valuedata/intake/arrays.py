"""Items of a JSON array, decoded as they come, so that files may be larger than memory."""

import json
import re
from collections.abc import Iterator
from typing import IO, Final

__all__ = ["split_array"]

BLOCK: Final = 1 << 16  # characters read at a time
LONGEST_WORD: Final = 12  # of JSON, such as "-Infinity"; errors of a cut one are this near the end

_decode = json.JSONDecoder().raw_decode
_SPACE = re.compile(r"[ \t\n\r]*")


def split_array(file: IO[str]) -> Iterator[tuple[object, str]]:
    """Decodes the items of an array as `json.loads` does each, with few more than one in memory.

    Args:
        file: Text of one array and nothing else.

    Yields:
        Each item, and how it is written.

    Raises:
        ValueError: If it is something else.
        RecursionError: If an item is nested too deeply.
    """
    _, text, at = _take_mark(file, "", 0, "[")
    text, at = _skip_space(file, text, at)
    mark = ","
    if text.startswith("]", at):
        mark, at = "]", at + 1
    while mark == ",":
        text, at = _skip_space(file, text, at)
        item, text, at, end = _take_item(file, text, at)
        yield item, text[at:end]
        mark, text, at = _take_mark(file, text, end, ",]")
    text, at = _skip_space(file, text, at)
    if at < len(text):
        raise ValueError("text after the end of the array")


def _skip_space(file: IO[str], text: str, at: int) -> tuple[str, int]:
    while True:
        space = _SPACE.match(text, at)
        at = space.end() if space else at
        if at < len(text) or not (block := file.read(BLOCK)):
            return text, at
        text, at = block, 0


def _take_mark(file: IO[str], text: str, at: int, allowed: str) -> tuple[str, str, int]:
    text, at = _skip_space(file, text, at)
    if at == len(text) or text[at] not in allowed:
        raise ValueError(f"Expecting {' or '.join(allowed)}")
    return text[at], text, at + 1


def _take_item(file: IO[str], text: str, at: int) -> tuple[object, str, int, int]:
    """Decodes the item that begins at a place, and reads on until it is whole."""
    while True:
        try:
            item, end = _decode(text, at)
        except json.JSONDecodeError as error:
            # what is wrong far from the end stays wrong, however much is read
            is_cut = error.pos > len(text) - LONGEST_WORD or error.msg.startswith("Unterminated")
            if not is_cut or not (block := file.read(max(BLOCK, len(text)))):
                raise ValueError(error.msg) from error
        else:
            # a number may go on, as "1." does
            if end < len(text) - LONGEST_WORD or not (block := file.read(BLOCK)):
                return item, text, at, end
        text, at = text[at:] + block, 0
