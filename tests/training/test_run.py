"""A run from a release to tuned weights: what moves, what it leaves, and going on after a stop."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM

from tests.training.conversations import (
    CHATML,
    TINY_MODEL,
    make_recipe,
    read_losses,
    read_metrics,
    read_weights,
    write_conversations,
)
from training.masks import Covered
from training.merging import merge_adapter
from training.models import Base
from training.record import IDENTITY, note_refusal, open_run, read_record
from training.run import Run, train
from training.settings import Stage
from valuedata.errors import RecipeError, ReleaseError, TrainingError
from valuedata.release.folder import Release

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")
"""trl sets arguments of transformers that are to be renamed, huggingface/trl's business."""

PINNED = Path(__file__).with_name("pinned-losses.json")


def test_an_adapter_is_trained_and_what_is_below_it_stays(both: Run) -> None:
    first, second = (read_weights(both.folder / stage / "adapter") for stage in ("sft", "dpo"))
    # seven linear layers, with two matrices of rank 2 each
    assert len(first) == len(second) == 14
    assert not any(".ref." in name for name in second)
    for name, weights in first.items():
        assert weights.abs().sum() > 0  # B matrices begin at zero
        assert not torch.equal(weights, second[name])
    counts = both.record["stages"]["dpo"]["parameters"]
    assert counts["n_trained"] == sum(weights.numel() for weights in second.values())
    base = read_weights(both.folder / "base")
    assert counts["n_total"] - counts["n_trained"] == sum(w.numel() for w in base.values())


def test_the_record_says_what_was_done(both: Run, release: Release) -> None:
    record = read_record(both.folder)
    assert record == both.record
    assert record["complete"] is True
    assert record["release"]["content_hash"] == release.content_hash
    assert record["release"]["value"] == "empathy"
    assert record["model"] == {"name": "tiny", "revision": None}
    assert "random parameters, trained here for trying out" in record["made"]
    assert record["recipe"]["seed"] == 0
    assert record["versions"]["trl"].startswith("1.")
    assert list(record["stages"]) == ["sft", "dpo"]
    ended = record["stages"]["dpo"]
    assert ended["steps"] == 4
    card = (both.folder / "dpo" / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "trained by SFT and then DPO on the subset\n`empathy`" in card
    assert ended["teaches_the_end"] is True
    assert ended["weighted"] is False
    assert [report["rows_out"] for report in ended["rows"]] == [3, 1]
    assert "eval_rewards/margins" in ended["validation"]


def test_every_step_is_in_the_metrics(both: Run) -> None:
    lines = read_metrics(both.folder / "dpo")
    assert [line["step"] for line in lines if "loss" in line] == [1, 2, 3, 4]
    assert lines[0]["loss"] == pytest.approx(0.693147, abs=1e-5)  # log 2: nothing differs yet
    margins = [line["rewards/margins"] for line in lines if "loss" in line]
    assert margins[0] == 0.0
    assert margins[-1] > 0.0
    assert (both.folder / "dpo" / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert not any("runtime" in name for line in lines for name in line)


def test_the_template_of_a_model_without_one_is_recorded(
    release: Release, base: Base, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(base.name, model)
    (model / "chat_template.jinja").unlink()
    recipe = make_recipe("dpo", dpo={"max_steps": 1, "max_length": 256})
    run = train(release, "empathy", recipe, tmp_path / "run", Base(str(model)))
    assert run.record["stages"]["dpo"]["chat_template"] == "plain.jinja"
    assert run.record["stages"]["dpo"]["model_commit"] is None


def test_losses_are_those_that_are_pinned(both: Run) -> None:
    """Changing one of them needs its reason in the commit."""
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))
    assert read_losses(both.folder) == {
        stage: pytest.approx(losses, rel=1e-3) for stage, losses in pinned.items()
    }


def test_a_complete_run_is_left_as_it_is(both: Run, release: Release) -> None:
    before = (both.folder / "run.json").stat().st_mtime_ns
    again = train(release, "empathy", make_recipe("sft-dpo"), both.folder, TINY_MODEL)
    assert again == both
    assert (both.folder / "run.json").stat().st_mtime_ns == before


def test_another_run_is_not_written_over(both: Run, release: Release) -> None:
    with pytest.raises(TrainingError, match=r"holds another run \(its recipe differ"):
        train(release, "empathy", make_recipe("sft-dpo", seed=1), both.folder, TINY_MODEL)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"lora": {"target_modules": ["nope"]}}, r"trl or peft cannot train .* \(.*nope.*\); chan"),
        (
            {"dpo": {"max_steps": 1, "loss_type": ["exo_pair"]}},
            r"trl or peft cannot train .* \(.*Label smoothing.*\); change what stands under 'dpo'",
        ),
    ],
)
def test_a_recipe_that_trained_nothing_makes_room_for_the_next(
    release: Release, tmp_path: Path, wrong: dict[str, Any], sentence: str
) -> None:
    settings = {"dpo": {"max_steps": 1, "max_length": 256}}
    out = tmp_path / "run"
    with pytest.raises(RecipeError, match=sentence):
        train(release, "empathy", make_recipe("dpo", **settings | wrong), out, TINY_MODEL)
    assert read_record(out)["stages"] == {}
    again = train(release, "empathy", make_recipe("dpo", **settings), out, TINY_MODEL)
    assert again.record["complete"]
    assert again.record["recipe"]["lora"]["target_modules"] == "all-linear"


def test_a_run_that_has_only_begun_is_not_taken_over(tmp_path: Path) -> None:
    identity = {key: key for key in IDENTITY} | {"release": {"subset_hash": "a"}}
    open_run(tmp_path, identity)
    with pytest.raises(TrainingError, match=r"holds another run \(its recipe differ\)"):
        open_run(tmp_path, identity | {"recipe": "other"})
    note_refusal(tmp_path, open_run(tmp_path, identity))
    assert open_run(tmp_path, identity | {"recipe": "other"})["recipe"] == "other"


def test_what_trl_refuses_leaves_no_folder(release: Release, tmp_path: Path) -> None:
    recipe = make_recipe("dpo", dpo={"eval_strategy": "never"})
    with pytest.raises(RecipeError, match="trl refuses the arguments under 'dpo'"):
        train(release, "empathy", recipe, tmp_path / "run", TINY_MODEL)
    assert not (tmp_path / "run").exists()


def test_an_edited_template_and_another_device_make_another_run(
    release: Release, tmp_path: Path
) -> None:
    template = tmp_path / "template.jinja"
    template.write_text(CHATML)
    settings = {"max_steps": 1, "max_length": 256}
    recipe = make_recipe("sft", device="auto", chat_template=str(template), sft=settings)
    out = tmp_path / "run"
    run = train(release, "empathy", recipe, out, TINY_MODEL)
    assert run.record["template_hash"] == hashlib.sha256(CHATML.encode()).hexdigest()
    assert run.record["device"] == ("cuda" if torch.cuda.is_available() else "cpu")
    template.write_text(CHATML + " ")
    with pytest.raises(TrainingError, match=r"holds another run \(its template_hash differ\)"):
        train(release, "empathy", recipe, out, TINY_MODEL)
    template.write_text(CHATML)
    (out / "run.json").write_text(json.dumps(run.record | {"device": "mps"}))
    with pytest.raises(TrainingError, match=r"holds another run \(its device differ\)"):
        train(release, "empathy", recipe, out, TINY_MODEL)
    template.unlink()
    with pytest.raises(TrainingError, match="cannot be read; give the path of a Jinja file"):
        train(release, "empathy", recipe, out, TINY_MODEL)


def test_a_folder_of_something_else_is_not_written_to(release: Release, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TrainingError, match="holds something else than a run; give another"):
        train(release, "empathy", make_recipe("dpo"), tmp_path, TINY_MODEL)


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_weights_change_what_is_learned(both: Run, tmp_path: Path, method: str) -> None:
    """All weight on the first row, in a training whose steps each see the three rows."""
    weighted = write_conversations(tmp_path / "weighted", weights=[1.0, 1e-9, 1e-9])
    plain = write_conversations(tmp_path / "plain", weights=[2.0, 2.0, 2.0])
    losses = {}
    for name, release in (("weighted", weighted), ("plain", plain)):
        run = train(release, "empathy", make_recipe(method), tmp_path / f"{name}-run", TINY_MODEL)
        assert run.record["stages"][method]["weighted"] is True
        losses[name] = [
            line["loss"] for line in read_metrics(run.folder / method) if "loss" in line
        ]
    if method == "sft":  # equal weights are none
        expected = read_losses(both.folder)["sft"]
        assert losses["plain"] == pytest.approx(expected, rel=1e-3)
    else:  # the loss of one pair falls faster than the mean of three; both begin at log 2
        assert losses["plain"][0] == pytest.approx(losses["weighted"][0], abs=1e-4)
        assert losses["weighted"][-1] < losses["plain"][-1]
    assert losses["weighted"][-1] != pytest.approx(losses["plain"][-1], rel=1e-3)


def test_all_weights_move_where_all_are_trained(release: Release, tmp_path: Path) -> None:
    out = tmp_path / "run"
    seen: list[tuple[Stage, list[Covered]]] = []
    run = train(
        release,
        "empathy",
        make_recipe("dpo", full=True),
        out,
        TINY_MODEL,
        lambda stage, sequences: seen.append((stage, sequences)),
    )
    base, tuned = read_weights(out / "base"), read_weights(out / "dpo" / "model")
    assert base.keys() == tuned.keys()
    for name, weights in base.items():
        assert not torch.equal(weights, tuned[name]), name
    counts = run.record["stages"]["dpo"]["parameters"]
    assert counts["n_trained"] == counts["n_total"]
    assert [(stage, len(sequences)) for stage, sequences in seen] == [("dpo", 6)]
    assert (out / "dpo" / "model" / "tokenizer.json").is_file()


def test_a_merged_adapter_answers_as_the_adapter_does(both: Run) -> None:
    folder = merge_adapter(both, TINY_MODEL)
    merged = AutoModelForCausalLM.from_pretrained(folder)
    base = AutoModelForCausalLM.from_pretrained(both.folder / "base")
    ids = torch.arange(5, 45).reshape(1, -1)
    with torch.no_grad():
        plain = base(ids).logits
        tuned = PeftModel.from_pretrained(base, both.folder / "dpo" / "adapter")(ids).logits
        assert torch.allclose(merged(ids).logits, tuned, atol=1e-5)
    assert not torch.allclose(plain, tuned, atol=1e-3)
    assert "library_name: transformers" in (folder / "README.md").read_text(encoding="utf-8")
    assert merge_adapter(both, TINY_MODEL) == folder


def test_an_adapter_too_large_for_the_memory_is_one_sentence(both: Run, tmp_path: Path) -> None:
    run = Run(shutil.copytree(both.folder, tmp_path / "run"), both.record)
    shutil.rmtree(run.folder / "merged", ignore_errors=True)
    config = run.folder / "dpo" / "adapter" / "adapter_config.json"
    # matrices of 2^40 rows and 16 columns have 2^46 bytes
    config.write_text(json.dumps(json.loads(config.read_text()) | {"r": 2**40}))
    with pytest.raises(TrainingError, match="The memory of the device is full; lower"):
        merge_adapter(run, TINY_MODEL)


def test_all_weights_have_nothing_to_merge(both: Run) -> None:
    record = both.record | {"recipe": both.record["recipe"] | {"full": True}}
    with pytest.raises(RecipeError, match="trained all weights and has no adapter to merge; leave"):
        merge_adapter(Run(both.folder, record), TINY_MODEL)


def test_a_value_that_is_not_there_is_named_before_anything(
    release: Release, tmp_path: Path
) -> None:
    with pytest.raises(ReleaseError, match="has no subset 'humour'"):
        train(release, "humour", make_recipe("dpo"), tmp_path / "run", TINY_MODEL)
    assert not (tmp_path / "run").exists()


def test_a_damaged_release_is_not_trained_on(tmp_path: Path) -> None:
    damaged = write_conversations(tmp_path / "release")
    (file,) = damaged.files("empathy", "train")
    file.write_bytes(file.read_bytes() + b"more")
    with pytest.raises(ReleaseError, match="damaged"):
        train(damaged, "empathy", make_recipe("dpo"), tmp_path / "run", TINY_MODEL)
    assert not (tmp_path / "run").exists()


def test_validation_without_rows_cannot_be_evaluated(release: Release, tmp_path: Path) -> None:
    settings = {"max_steps": 1, "max_length": 256, "eval_strategy": "steps"}
    recipe = make_recipe("dpo", dpo=settings, chat_template=str(tmp_path / "template.jinja"))
    # the one row of validation becomes too long
    (tmp_path / "template.jinja").write_text(
        "{% for m in messages %}{{ m['content'] * (99 if 'Question' in m['content'] else 1) }}"
        "{% endfor %}"
    )
    with pytest.raises(RecipeError, match="validation split of 'empathy' has no rows to evaluate"):
        train(release, "empathy", recipe, tmp_path / "run", TINY_MODEL)


def test_a_training_stops_where_validation_gets_no_better(release: Release, tmp_path: Path) -> None:
    # the validation pair rewards what no training pair does, and a huge step makes it worse at once
    settings = {
        "max_steps": 9,
        "max_length": 256,
        "per_device_train_batch_size": 3,
        "learning_rate": 0.5,
        "logging_steps": 1,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "save_steps": 1,
    }
    out = tmp_path / "run"
    recipe = make_recipe("sft", sft=settings, patience=2)
    ended = train(release, "empathy", recipe, out, TINY_MODEL).record["stages"]["sft"]
    losses = [line["eval_loss"] for line in read_metrics(out / "sft") if "eval_loss" in line]
    assert ended["steps"] == losses.index(min(losses)) + 1 + 2
    assert ended["steps"] < 9
    assert ended["validation"]["eval_loss"] == pytest.approx(min(losses))  # the best weights
