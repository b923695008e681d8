"""The bundled corpus holds what its data statement says, and cleaning tells its flaws apart."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from valuedata.accounting import KEPT
from valuedata.cleaning.dedup import (
    find_contradictions,
    find_exact_duplicates,
    find_near_duplicates,
)
from valuedata.cleaning.filters import screen_quality
from valuedata.intake.collect import read_pairs
from valuedata.intake.known import STARTER_FILE
from valuedata.intake.sources import resolve_source
from valuedata.labelling.values import LABEL_NAMES, VALUE_NAMES
from valuedata.recipe import DedupSettings, QualitySettings


def read_lines(path: Path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def labels():
    return read_lines(STARTER_FILE.with_name("labels.jsonl"))


@pytest.fixture(scope="module")
def sound(labels):
    """Raw row and labels of every pair without a flaw."""
    pairs = read_lines(STARTER_FILE)
    return [(pair, row) for pair, row in zip(pairs, labels, strict=True) if row["flaw"] is None]


@pytest.fixture(scope="module")
def intake(tmp_path_factory):
    return read_pairs([resolve_source("starter")], tmp_path_factory.mktemp("starter"), 0.0)


@pytest.fixture(scope="module")
def cleaned(intake):
    """For each pair the reason for which it is dropped, the row it repeats, and its flags."""
    pairs = intake.pairs
    reasons = np.full(len(pairs), KEPT, dtype=object)
    duplicate_of = np.full(len(pairs), -1)
    verdict, flags = screen_quality(pairs, QualitySettings())
    reasons[:] = verdict.reasons
    stages = (
        find_contradictions,
        find_exact_duplicates,
        lambda kept: find_near_duplicates(kept, DedupSettings(), seed=0),
    )
    for find in stages:
        rows = np.flatnonzero(reasons == KEPT)
        verdict = find(pairs.select(rows))
        reasons[rows] = verdict.reasons
        dropped = np.flatnonzero(verdict.reasons != KEPT)
        duplicate_of[rows[dropped]] = rows[verdict.duplicate_of[dropped]]
    return reasons, duplicate_of, flags


def count_sides(sound, value):
    sides = Counter(
        (value in row["chosen_labels"], value in row["rejected_labels"]) for _, row in sound
    )
    return sides[True, False], sides[False, True], sides[True, True]


def normalise(text: str) -> str:
    return " ".join(text.casefold().split())


def test_fifteen_values_and_three_behaviours_are_labelled(labels):
    assert (len(VALUE_NAMES), len(LABEL_NAMES)) == (15, 18)
    used = {name for row in labels for name in row["chosen_labels"] + row["rejected_labels"]}
    assert used == set(LABEL_NAMES)


def test_at_least_450_sound_pairs(sound):
    assert len(sound) >= 450


@pytest.mark.parametrize("value", VALUE_NAMES)
def test_value_is_on_one_side_often_and_about_half_of_the_time_rejected(sound, value):
    n_chosen, n_rejected, _ = count_sides(sound, value)
    assert n_chosen + n_rejected >= 25
    assert 0.4 <= n_rejected / (n_chosen + n_rejected) <= 0.6


@pytest.mark.parametrize("value", VALUE_NAMES)
def test_length_does_not_give_a_value_away(sound, value):
    shorter = [
        len(pair["chosen"][0]["content"]) < len(pair["rejected"][0]["content"])
        if value in row["chosen_labels"]
        else len(pair["rejected"][0]["content"]) < len(pair["chosen"][0]["content"])
        for pair, row in sound
        if (value in row["chosen_labels"]) != (value in row["rejected_labels"])
    ]
    assert 0.38 <= np.mean(shorter) <= 0.62


def test_one_pair_in_six_has_several_turns(sound):
    several = [sum(turn["role"] != "system" for turn in pair["prompt"]) > 1 for pair, _ in sound]
    assert np.mean(several) >= 1 / 6


def test_some_pairs_show_a_value_on_both_sides_and_some_differ_in_none(sound):
    assert all(count_sides(sound, value)[2] > 0 for value in VALUE_NAMES)
    assert sum(set(row["chosen_labels"]) == set(row["rejected_labels"]) for _, row in sound) >= 40


def test_ids_are_unique_and_aligned(labels):
    ids = [pair["id"] for pair in read_lines(STARTER_FILE)]
    assert ids == [row["id"] for row in labels]
    assert ids == [f"starter-{number:04d}" for number in range(1, len(ids) + 1)]


def test_no_sound_pair_repeats_a_prompt_or_a_reply(sound):
    prompts = Counter(normalise(pair["prompt"][-1]["content"]) for pair, _ in sound)
    replies = Counter(
        normalise(pair[side][0]["content"]) for pair, _ in sound for side in ("chosen", "rejected")
    )
    assert max(prompts.values()) == 1
    assert max(replies.values()) == 1


def test_roles_alternate_up_to_the_user(sound):
    for pair, _ in sound:
        roles = [turn["role"] for turn in pair["prompt"] if turn["role"] != "system"]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
        assert all(turn["role"] != "system" for turn in pair["prompt"][1:])


def test_every_row_becomes_a_pair(intake, labels):
    assert intake.pairs["source_id"][:] == [row["id"] for row in labels]
    assert len(intake.discards) == 0


def test_each_flawed_pair_is_dropped_for_its_flaw_and_no_other(cleaned, labels):
    reasons = cleaned[0]
    expected = [row["flaw"] or KEPT for row in labels]
    wrong = [
        (row["id"], want, found)
        for row, want, found in zip(labels, expected, reasons, strict=True)
        if want != found
    ]
    assert wrong == []


def test_duplicates_name_what_they_repeat(cleaned, labels):
    found = [labels[row]["id"] if row >= 0 else None for row in cleaned[1]]
    assert found == [row["duplicate_of"] for row in labels]


def test_personal_data_is_flagged(cleaned, labels):
    assert cleaned[2] == [row["flags"] for row in labels]
    assert sum(map(bool, cleaned[2])) == 3


def test_flaws_are_of_many_kinds_and_spread(labels):
    flawed = [number for number, row in enumerate(labels) if row["flaw"]]
    assert len(flawed) >= 40
    assert len({labels[number]["flaw"] for number in flawed}) == 11
    assert np.diff(flawed).max() < 40


def test_data_statement_gives_the_counts(sound, labels):
    text = STARTER_FILE.with_name("README.md").read_text(encoding="utf-8")
    for value in LABEL_NAMES:
        counts = " | ".join(map(str, count_sides(sound, value)))
        assert f"| {value} | {counts} |" in text
    for flaw, n_pairs in Counter(row["flaw"] for row in labels if row["flaw"]).items():
        assert f"| {flaw} | {n_pairs} |" in text
    assert f"{len(labels)} preference pairs" in text
