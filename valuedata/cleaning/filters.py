"""Quality filters: each says why a pair should not be learned from, or nothing."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, cast

import numpy as np
import pyarrow as pa
from datasets import Dataset

from valuedata.accounting import KEPT, Verdict
from valuedata.cleaning.damage import (
    asks_for_dialogue,
    has_role_marker,
    is_cut_off,
    measure_garbled_share,
    measure_repeated_share,
)
from valuedata.cleaning.language import check_language, find_clear, is_foreign, is_prompt_foreign
from valuedata.cleaning.personal_data import find_personal_data
from valuedata.cleaning.text import join_messages, normalise_text, strip_invisible
from valuedata.engine import LOCAL, BatchFunction, Engine
from valuedata.progress import Advance
from valuedata.recipe import QualitySettings
from valuedata.schema import BATCH_ROWS, Pair

__all__ = ["FILTERS", "Filter", "flag_personal_data", "screen_quality"]

Filter = Callable[[Pair, QualitySettings], str | None]
"""Takes a pair and the thresholds; returns the reason to drop the pair, or None to keep it."""

LANGUAGE: Final = "language"
RATIO_OFFSET: Final = 50  # characters added to both lengths; see `QualitySettings.max_length_ratio`


def _read_replies(pair: Pair) -> tuple[str, str]:
    return join_messages(pair["chosen"]), join_messages(pair["rejected"])


def check_turns(pair: Pair, settings: QualitySettings) -> str | None:  # noqa: ARG001
    """Wants a prompt that ends with the user, replies of the assistant, and no empty turn."""
    if not pair["prompt"]:
        return "missing prompt"
    if not pair["chosen"] or not pair["rejected"]:
        return "missing reply"
    turns = pair["prompt"] + pair["chosen"] + pair["rejected"]
    if not all(strip_invisible(turn["content"]) for turn in turns):
        return "empty turn"
    if pair["prompt"][-1]["role"] != "user":
        return "prompt does not end with the user"
    replies = (pair["chosen"], pair["rejected"])
    if any(reply[edge]["role"] != "assistant" for reply in replies for edge in (0, -1)):
        return "reply is not the assistant's"
    return None


def check_sides(pair: Pair, settings: QualitySettings) -> str | None:  # noqa: ARG001
    """Wants replies that differ by more than case and spacing."""
    chosen, rejected = _read_replies(pair)
    return "identical sides" if normalise_text(chosen) == normalise_text(rejected) else None


def check_lengths(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants prompt and replies within the bounds, in characters without surrounding white space.

    What shows nothing, such as a zero-width space, makes no reply longer than the shortest allowed.
    """
    replies = _read_replies(pair)
    if min(len(strip_invisible(reply)) for reply in replies) < settings.min_reply_characters:
        return "reply too short"
    if max(len(reply.strip()) for reply in replies) > settings.max_reply_characters:
        return "reply too long"
    if len(join_messages(pair["prompt"])) > settings.max_prompt_characters:
        return "prompt too long"
    return None


def check_length_ratio(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants replies of comparable length, so that length alone does not tell the sides apart."""
    shorter, longer = sorted(len(reply.strip()) + RATIO_OFFSET for reply in _read_replies(pair))
    return "length ratio" if longer > settings.max_length_ratio * shorter else None


def check_garbled(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants texts that were decoded as they were encoded."""
    texts = (join_messages(pair["prompt"]), *_read_replies(pair))
    garbled = any(measure_garbled_share(text) > settings.max_garbled_share for text in texts)
    return "garbled encoding" if garbled else None


def check_language_of_pair(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants the last user's turn and both replies in the wanted language.

    A reply in another language is unwanted even where the prompt asks for a translation: the
    extractor cannot tell which values it expresses.
    """
    wanted, min_bytes = settings.language, settings.min_language_bytes
    if wanted is None:
        return None
    foreign = any(is_foreign(reply, wanted, min_bytes) for reply in _read_replies(pair))
    if foreign or is_prompt_foreign(pair["prompt"][-1]["content"], wanted, min_bytes):
        return "not in the wanted language"
    return None


def check_role_markers(pair: Pair, settings: QualitySettings) -> str | None:  # noqa: ARG001
    """Wants replies without chat template tokens and without a next turn inside."""
    asked = asks_for_dialogue(pair["prompt"][-1]["content"])
    leaked = any(has_role_marker(reply, dialogue_asked=asked) for reply in _read_replies(pair))
    return "leaked role marker" if leaked else None


def check_repetition(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants replies that do not run in a loop."""
    shares = map(measure_repeated_share, _read_replies(pair))
    return "degenerate repetition" if max(shares) > settings.max_repeated_share else None


def check_end(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants replies that reach the end of their last sentence."""
    if not settings.drop_cut_off:
        return None
    return "cut-off text" if any(map(is_cut_off, _read_replies(pair))) else None


def check_personal_data(pair: Pair, settings: QualitySettings) -> str | None:
    """Wants texts without personal data, where the recipe asks to drop pairs for it."""
    if not settings.drop_personal_data:
        return None
    flags = flag_personal_data(pair)
    return flags[0] if flags else None


FILTERS: Final[Mapping[str, Filter]] = {
    "turns": check_turns,
    "sides": check_sides,
    "lengths": check_lengths,
    "length ratio": check_length_ratio,
    "garbled": check_garbled,
    LANGUAGE: check_language_of_pair,
    "role markers": check_role_markers,
    "repetition": check_repetition,
    "end": check_end,
    "personal data": check_personal_data,
}
"""Name to filter, in the order of asking; later filters may rely on `turns`. Add one here."""


def flag_personal_data(pair: Pair) -> list[str]:
    """Names the personal data in a pair's texts, such as ["personal data: email"]."""
    text = "\n".join((join_messages(pair["prompt"]), *_read_replies(pair)))
    return [f"personal data: {kind}" for kind in find_personal_data(text)]


def screen_quality(
    pairs: Dataset,
    settings: QualitySettings,
    advance: Advance | None = None,
    engine: Engine = LOCAL,
) -> tuple[Verdict, list[list[str]]]:
    """Asks every filter about every pair.

    Args:
        pairs: n rows of `PAIR_FEATURES`.
        settings: Thresholds of the filters.
        advance: Called with the number of rows judged since the last call.
        engine: Where the filters run.

    Returns:
        The verdict of stage "quality", where the reason is that of the first filter that objects,
        and for each row its flags, which do not drop it.

    Raises:
        RecipeError: If the wanted language is unknown to the detector.
        EngineError: If the filters cannot run there.
    """
    if settings.language is not None:
        check_language(settings.language)
    reasons: list[str] = []
    flags: list[list[str]] = []
    batches = pairs.with_format("arrow").iter(batch_size=BATCH_ROWS)
    for judged in engine.map_batches(partial(_make_judge, settings), batches):
        reasons += judged["reason"].to_pylist()
        flags += judged["flags"].to_pylist()
        if advance is not None:
            advance(len(judged))
    counts = Counter(flag for row in flags for flag in row)
    verdict = Verdict("quality", np.array(reasons, object), notes=dict(sorted(counts.items())))
    return verdict, flags


def _make_judge(settings: QualitySettings) -> BatchFunction:
    return partial(_judge, settings)


def _judge(settings: QualitySettings, batch: pa.Table) -> pa.Table:
    pairs = [cast("Pair", row) for row in batch.to_pylist()]
    flags = [flag_personal_data(pair) for pair in pairs]
    clear = _find_clear(pairs, settings)
    reasons = [_find_objection(*one, settings) for one in zip(pairs, clear, strict=True)]
    return pa.table(
        {
            "reason": pa.array(reasons, pa.string()),
            "flags": pa.array(flags, pa.list_(pa.string())),
        }
    )


def _find_clear(pairs: Sequence[Pair], settings: QualitySettings) -> list[bool]:
    """Which pairs the filter of languages need not be asked about, found for many at once."""
    if settings.language is None:
        return [True] * len(pairs)
    texts = [
        (pair["prompt"][-1]["content"] if pair["prompt"] else "", *_read_replies(pair))
        for pair in pairs
    ]
    clear: list[bool] = find_clear(texts, settings.language, settings.min_language_bytes).tolist()
    return clear


def _find_objection(pair: Pair, is_clear: bool, settings: QualitySettings) -> str:
    for name, check in FILTERS.items():
        if is_clear and name == LANGUAGE:
            continue
        reason = check(pair, settings)
        if reason is not None:
            return reason
    return KEPT
