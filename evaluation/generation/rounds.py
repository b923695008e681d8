"""Rounds in which a server was asked: it may serve other weights under a name that stays.

What a server said is kept by its address and the model's name, and it says no more of its weights.
So a user who knows that these were replaced begins a new round, whose number is part of each key.
A run that is stopped goes on in the same round.
"""

import hashlib
import json

from valuedata.labelling.llm.answers import Answer, AnswerCache
from valuedata.settings import LlmSettings

__all__ = ["begin_round", "find_round"]


def find_round(cache: AnswerCache, server: LlmSettings) -> int:
    """The round that a server is in; 0 where nobody has begun another.

    Args:
        cache: What it said.
        server: Its address, and the model's name there.

    Raises:
        LabelError: If the cache is damaged or cannot be read.
    """
    number = 0
    while cache.find([_make_key(server, number + 1)]):
        number += 1
    return number


def begin_round(cache: AnswerCache, server: LlmSettings) -> int:
    """Begins a new round, in which nothing counts that the server has said before.

    Args:
        cache: What it said.
        server: Its address, and the model's name there.

    Returns:
        Number of the round.

    Raises:
        LabelError: If the cache is damaged or cannot be written.
    """
    cache.prepare()
    number = find_round(cache, server) + 1
    cache.store({_make_key(server, number): Answer("{}", None)})
    return number


def _make_key(server: LlmSettings, number: int) -> bytes:
    text = json.dumps(["round", server.base_url, server.model, number])
    return hashlib.sha256(text.encode()).digest()
