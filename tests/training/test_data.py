"""A subset becomes explicit rows; what is too long is left out and counted; weights are kept."""

from pathlib import Path

import pytest

from tests.training.conversations import COLD, PROMPTS, WARM, make_recipe, write_conversations
from training.data import lead_with, make_rows, read_rows, tokenize
from training.models import Base, load_tokenizer
from training.tiny import read_all_replies
from valuedata.errors import ReleaseError, TrainingError
from valuedata.release.folder import Release


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return write_conversations(tmp_path_factory.mktemp("release") / "out", weights=[0.5, 1.5, 4.0])


def test_prompts_are_explicit_for_both_trainings(release: Release) -> None:
    pairs = read_rows(release, "empathy", "train", "dpo")
    assert list(pairs["prompt"]) == PROMPTS
    assert [reply[0]["content"] for reply in pairs["chosen"]] == WARM
    assert [reply[0]["content"] for reply in pairs["rejected"]] == COLD
    assert list(pairs["weight"]) == [0.5, 1.5, 4.0]
    rewarded = read_rows(release, "empathy", "train", "sft")
    assert rewarded.column_names == ["prompt", "completion", "weight"]
    assert [reply[0]["content"] for reply in rewarded["completion"]] == WARM


def test_a_system_turn_leads_where_there_is_none() -> None:
    turn = {"role": "system", "content": "Be kind."}
    led = [lead_with("Be kind.", prompt) for prompt in PROMPTS]
    assert led == [[turn, *PROMPTS[0]], [turn, *PROMPTS[1]], PROMPTS[2]]
    assert lead_with(None, PROMPTS[0]) == PROMPTS[0]


def test_a_value_that_is_not_there_is_named(release: Release) -> None:
    with pytest.raises(ReleaseError, match="has no subset 'humor'"):
        read_rows(release, "humor", "train", "dpo")


def test_rows_that_are_too_long_are_left_out_and_counted(release: Release, base: Base) -> None:
    recipe = make_recipe("dpo")
    tokenizer, _ = load_tokenizer(base, recipe)
    lengths = [
        max(
            len(tokenize(tokenizer, [*prompt, {"role": "assistant", "content": reply}]))
            for reply in pair
        )
        for prompt, pair in zip(PROMPTS, zip(WARM, COLD, strict=True), strict=True)
    ]
    assert lengths[1] == max(lengths)
    rows = make_rows(release, "empathy", "dpo", tokenizer, recipe, lengths[1] - 1)
    train, validation = rows.reports
    assert (train.rows_in, train.rows_out) == (3, 2)
    assert train.dropped == {f"longer than {lengths[1] - 1} tokens": 1}
    assert validation.n_dropped == 0
    assert rows.validation is not None
    assert list(rows.train["prompt"]) == [PROMPTS[0], PROMPTS[2]]
    # 0.5 and 4.0, of mean 2.25
    assert list(rows.train["weight"]) == pytest.approx([0.5 / 2.25, 4.0 / 2.25])
    assert rows.longest == max(lengths[0], lengths[2])


def test_a_row_of_exactly_the_limit_stays(release: Release, base: Base) -> None:
    recipe = make_recipe("dpo", weights=False)
    tokenizer, _ = load_tokenizer(base, recipe)
    longest = make_rows(release, "empathy", "dpo", tokenizer, recipe, None).longest
    rows = make_rows(release, "empathy", "dpo", tokenizer, recipe, longest)
    assert len(rows.train) == 3
    assert "weight" not in rows.train.column_names


def test_rows_that_are_all_too_long_are_an_error(release: Release, base: Base) -> None:
    recipe = make_recipe("sft")
    tokenizer, _ = load_tokenizer(base, recipe)
    with pytest.raises(TrainingError) as caught:
        make_rows(release, "empathy", "sft", tokenizer, recipe, 5)
    assert str(caught.value).startswith(
        "All 3 training rows of 'empathy' are longer than 5 tokens (the shortest has "
    )


def test_the_tiny_model_reads_both_replies_of_every_pair(release: Release) -> None:
    replies = read_all_replies(release, "empathy")
    assert [reply[0]["content"] for reply in replies["completion"]] == [*WARM, *COLD]


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"model .*none cannot be loaded \(.*\); give a folder"):
        load_tokenizer(Base(str(tmp_path / "none")), make_recipe("sft"))


def test_a_chat_template_that_cannot_be_read_is_named(base: Base, tmp_path: Path) -> None:
    recipe = make_recipe("sft", chat_template=str(tmp_path / "none.jinja"))
    with pytest.raises(TrainingError, match=r"none\.jinja cannot be read; give the path of a Jinj"):
        load_tokenizer(base, recipe)


def test_a_model_without_a_template_gets_the_plain_one(
    base: Base, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tokenizer, _ = load_tokenizer(base, make_recipe("sft"))
    tokenizer.chat_template = None
    tokenizer.pad_token = None
    tokenizer.save_pretrained(tmp_path)
    loaded, source = load_tokenizer(Base(str(tmp_path)), make_recipe("sft"))
    assert source.endswith("plain.jinja")
    assert "has no chat template, so the plain one is used" in caplog.text
    assert loaded.pad_token_id == loaded.eos_token_id
    text = loaded.apply_chat_template(PROMPTS[0], tokenize=False, add_generation_prompt=True)
    assert text == "User: I lost my keys.\n\nAssistant: "


def test_a_tokenizer_without_an_end_is_refused(base: Base, tmp_path: Path) -> None:
    tokenizer, _ = load_tokenizer(base, make_recipe("sft"))
    tokenizer.eos_token = None
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(TrainingError, match="has no end token"):
        load_tokenizer(Base(str(tmp_path)), make_recipe("sft"))
