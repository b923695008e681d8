"""Duplicates of every kind, and what each names as its keeper."""

import gzip
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cleaning.made import gather, make
from valuedata.accounting import Verdict
from valuedata.cleaning.dedup import (
    SEARCH_ROWS,
    find_contradictions,
    find_exact_duplicates,
    find_near_duplicates,
    find_semantic_duplicates,
    warn_of_loss,
)
from valuedata.recipe import DedupSettings
from valuedata.schema import Pair

SETTINGS = DedupSettings()


def repeated(verdict: Verdict) -> list[int]:
    assert verdict.duplicate_of is not None
    assert ((verdict.duplicate_of >= 0) == (verdict.reasons != "")).all()
    return [int(row) for row in verdict.duplicate_of]


def test_exact_duplicates_differ_in_case_spacing_and_compatibility_forms_only() -> None:
    rows = [
        make("Fine?", "It is  FINE…", "No."),
        make("fine?", "it is fine...\n", "no."),
        make("Fine?", "No.", "It is fine..."),  # swapped
        make("Fine", "It is fine...", "No."),  # punctuation counts
        make("ﬁne?", "It is fine...", "No."),
    ]
    verdict = find_exact_duplicates(gather(rows))
    assert verdict.stage == "exact duplicates"
    assert repeated(verdict) == [-1, 0, -1, -1, 0]
    assert verdict.reasons[1] == "exact duplicate"


def test_roles_and_turns_tell_pairs_apart() -> None:
    rows = [
        make([{"role": "user", "content": "a b"}]),
        make([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]),
        make([{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]),
    ]
    assert repeated(find_exact_duplicates(gather(rows))) == [-1, -1, -1]


def test_all_copies_of_a_contradiction_go_and_name_the_opposite() -> None:
    rows = [
        make("q", "yes", "no"),
        make("q", "no", "yes"),
        make("Q", "Yes", "No"),
        make("other", "no", "yes"),
        make("q", "yes", "yes"),
        make("q", "yes", "yes"),
    ]
    verdict = find_contradictions(gather(rows))
    assert verdict.stage == "contradictory duplicates"
    assert repeated(verdict) == [1, 0, 1, -1, -1, -1]
    assert verdict.report.dropped == {"contradictory duplicate": 3}


def read_ultrafeedback(folder: Path, name: str) -> list[Pair]:
    with gzip.open(folder / f"preference/ultrafeedback/{name}.jsonl.gz", "rt") as file:
        rows = [json.loads(line) for line in file]
    return [make(row["prompt"], row["chosen"], row["rejected"]) for row in rows]


def test_every_flipped_label_is_found_in_real_data(shared_data: Path) -> None:
    straight = read_ultrafeedback(shared_data, "train")
    flipped = read_ultrafeedback(shared_data, "train_label_flip_20")
    rows = [
        row
        for row in straight + flipped
        if row["chosen"][0]["content"].strip() != row["rejected"][0]["content"].strip()
    ]
    assert len(straight) + len(flipped) - len(rows) == 8  # 4 in each file
    verdict = find_contradictions(gather(rows))
    assert verdict.report.n_dropped == 400  # 200 pairs of rows
    opposite = repeated(verdict)
    assert all(opposite[row] == -1 or opposite[opposite[row]] == row for row in range(len(rows)))


TURNS = (
    "Could you tell me how the old bridge over the river was built and who paid for it?",
    "The bridge was built by the town in the years after the great flood, and the money came from "
    "a toll that every farmer had to pay at the northern gate for almost thirty years.",
    "Nobody knows for sure who built it, but the story goes that the miller wanted to sell flour "
    "on the other bank, so he borrowed a lot of money and hired masons from the next valley.",
)


def test_a_changed_word_is_a_near_duplicate_and_the_earliest_row_stays() -> None:
    prompt, chosen, rejected = TURNS
    rows = [
        make(prompt, chosen, rejected),
        make(prompt, chosen.replace("northern", "southern"), rejected),
        make(prompt, rejected, chosen),  # swapped sides say the opposite
        make(prompt, chosen, "I do not know anything about that bridge, sorry."),
        make(prompt.replace("Could you tell", "Please tell"), chosen, rejected + "!"),
    ]
    verdict = find_near_duplicates(gather(rows), SETTINGS, seed=0)
    assert verdict.stage == "near duplicates"
    assert repeated(verdict) == [-1, 0, -1, -1, 0]
    assert verdict.reasons[1] == "near duplicate"


def test_a_long_prompt_does_not_hide_different_replies() -> None:
    long = " ".join(f"Fact {number} is about topic {number * 7}." for number in range(200))
    rows = [make(long, "yes it is", "no it is not"), make(long, "no it is not", "yes it is")]
    assert repeated(find_near_duplicates(gather(rows), SETTINGS, seed=0)) == [-1, -1]


def test_chains_are_not_closed() -> None:
    words = [f"w{number}" for number in range(48)]
    rows = [make("p", " ".join(words[start : start + 40]), "r") for start in (0, 4, 8)]
    # shingles: 38 of the chosen reply and one each of prompt and rejected reply; neighbours share
    # 34 + 2 of 42 + 2: 0.82; the ends share 30 + 2 of 46 + 2: 0.67
    verdict = find_near_duplicates(gather(rows), DedupSettings(near_jaccard=0.8), seed=0)
    assert repeated(verdict) == [-1, 0, -1]


@pytest.mark.parametrize("seed", [0, 1])
def test_planted_near_duplicates_are_all_found(seed: int) -> None:
    rng = np.random.default_rng(7)
    vocabulary = [f"word{number}" for number in range(3_000)]

    def write(n_words: int) -> list[str]:
        return [vocabulary[index] for index in rng.integers(0, len(vocabulary), n_words)]

    originals = [(write(12), write(60), write(60)) for _ in range(300)]
    rows = [make(*map(" ".join, texts)) for texts in originals]
    for prompt, chosen, rejected in originals[:100]:
        changed = chosen.copy()
        changed[int(rng.integers(0, 60))] = "other"
        rows.append(make(" ".join(prompt), " ".join(changed), " ".join(rejected)))
    verdict = find_near_duplicates(gather(rows), SETTINGS, seed)
    # one word of 128 shingles' texts touches at most 3 shingles: at least 125 / 131 = 0.95
    assert repeated(verdict) == [-1] * 300 + list(range(100))


def test_low_thresholds_find_what_they_promise() -> None:
    rng = np.random.default_rng(11)
    rows = []
    for number in range(200):
        shared = [f"{number}w{word}" for word in rng.integers(0, 10**6, 42)]
        for end in "ab":
            reply = " ".join(shared + [f"{number}{end}{place}" for place in range(36)])
            rows.append(make("p", reply, "r"))
    # 76 shingles of the reply, 40 of them and the two others in common: 42 / (78 + 36) = 0.37
    assert repeated(find_near_duplicates(gather(rows), DedupSettings(near_jaccard=0.36), 0)) == [
        -1 if row % 2 == 0 else row - 1 for row in range(400)
    ]
    near = DedupSettings(near_jaccard=0.38)
    assert repeated(find_near_duplicates(gather(rows), near, 0)) == [-1] * 400


def test_many_copies_name_one_keeper() -> None:
    words = [f"w{number}" for number in range(60)]
    rows = [make("p", " ".join(words), f"number {row} of these") for row in range(300)]
    # 1 + 58 + 2 shingles, of which one differs: 60 / 62, but the rejected replies share 1 of 3
    assert repeated(find_near_duplicates(gather(rows), SETTINGS, 0)) == [-1] * 300
    rows = [make("p", " ".join([*words, f"n{row}"]), "r") for row in range(300)]
    assert repeated(find_near_duplicates(gather(rows), SETTINGS, 0)) == [-1] + [0] * 299


def test_losing_too_much_raises_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    verdict = Verdict("exact duplicates", np.array(["", "exact duplicate"], dtype=object))
    warn_of_loss(verdict, 0.5)
    assert caplog.records == []
    warn_of_loss(verdict, 0.49)
    assert "drops 1 of 2 rows" in caplog.text
    assert "check whether the sources repeat each other." in caplog.text
    reasons = np.array(["overlaps evaluation prompts in a.csv"], dtype=object)
    warn_of_loss(Verdict("decontamination", reasons), 0.49)
    assert "check whether the sources hold evaluation prompts." in caplog.text


# few distinct texts, so that they often meet
words = st.sampled_from(["yes", "no", "Yes ", "well I think so"])
few_pairs = st.lists(st.builds(make, words, words, words), min_size=1, max_size=12)


@settings(deadline=None)
@given(few_pairs)
def test_keepers_stay_and_come_first(rows: list[Pair]) -> None:
    dataset = gather(rows)
    for verdict in (
        find_exact_duplicates(dataset),
        find_near_duplicates(dataset, SETTINGS, seed=0),
    ):
        keepers = repeated(verdict)
        for row, keeper in enumerate(keepers):
            assert keeper == -1 or (keeper < row and keepers[keeper] == -1)
        again = dataset.select(verdict.kept)
        assert len(find_exact_duplicates(again).kept) == len(again)


@settings(deadline=None)
@given(few_pairs)
def test_swapping_every_preference_leaves_the_contradictions(rows: list[Pair]) -> None:
    swapped = [
        make(row["prompt"], row["rejected"][0]["content"], row["chosen"][0]["content"])
        for row in rows
    ]
    assert repeated(find_contradictions(gather(rows))) == repeated(
        find_contradictions(gather(swapped))
    )


def at_angles(*degrees: float) -> npt.NDArray[np.float32]:
    radians = np.radians(degrees)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float32)


def test_semantic_duplicates_are_close_on_both_sides() -> None:
    # cos 10 degrees = 0.985, cos 30 degrees = 0.866
    chosen = at_angles(0, 10, 0, 30)
    rejected = at_angles(0, 10, 30, 0)
    verdict = find_semantic_duplicates(chosen, rejected, np.arange(4), 0.95)
    assert verdict.stage == "semantic duplicates"
    assert repeated(verdict) == [-1, 0, -1, -1]
    assert verdict.reasons[1] == "semantic duplicate"


def test_the_best_ranked_row_stays_and_chains_are_not_closed() -> None:
    # neighbours are 15 degrees apart (cos 0.966), the ends 30 (0.866)
    vectors = at_angles(0, 15, 30)
    assert repeated(find_semantic_duplicates(vectors, vectors, np.array([0, 1, 2]), 0.95)) == (
        [-1, 0, -1]
    )
    assert repeated(find_semantic_duplicates(vectors, vectors, np.array([1, 0, 2]), 0.95)) == (
        [1, -1, 1]
    )


def test_a_threshold_reached_exactly_counts() -> None:
    vectors = np.repeat(at_angles(0), 3, axis=0)
    assert repeated(find_semantic_duplicates(vectors, vectors, np.arange(3), 1.0)) == [-1, 0, 0]


def test_wrong_shapes_and_ranks_are_refused() -> None:
    vectors = at_angles(0, 15)
    with pytest.raises(ValueError, match="not those of 3 ranked rows"):
        find_semantic_duplicates(vectors, vectors, np.arange(3), 0.9)
    with pytest.raises(ValueError, match="not those"):
        find_semantic_duplicates(vectors, vectors[:1], np.arange(2), 0.9)
    with pytest.raises(ValueError, match="each once"):
        find_semantic_duplicates(vectors, vectors, np.array([0, 0]), 0.9)


def test_no_vectors() -> None:
    empty = np.empty((0, 4), dtype=np.float32)
    assert len(find_semantic_duplicates(empty, empty, np.arange(0), 0.9).reasons) == 0


def test_search_in_parts_agrees_with_comparing_all_rows() -> None:
    rng = np.random.default_rng(3)
    n_rows = SEARCH_ROWS + 300
    centres = rng.normal(size=(400, 8))
    chosen, rejected = (
        centres[rng.integers(0, 400, n_rows)] + 0.05 * rng.normal(size=(n_rows, 8))
        for _ in range(2)
    )
    rejected[::2] = chosen[::2]  # else hardly a row would be close on both sides
    chosen = (chosen / np.linalg.norm(chosen, axis=1, keepdims=True)).astype(np.float32)
    rejected = (rejected / np.linalg.norm(rejected, axis=1, keepdims=True)).astype(np.float32)
    ranks = rng.permutation(n_rows)
    similarity = np.minimum(chosen @ chosen.T, rejected @ rejected.T)
    expected = np.full(n_rows, -1)
    kept: list[int] = []
    for row in np.argsort(ranks):
        close = [other for other in kept if similarity[row, other] >= 0.97]
        expected[row] = close[0] if close else -1
        if not close:
            kept.append(row)
    assert (expected >= 0).sum() > 100
    verdict = find_semantic_duplicates(chosen, rejected, ranks, 0.97)
    assert repeated(verdict) == expected.tolist()
