"""The card of a tuned model states what its run recorded, and nothing that is missing."""

from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from cards.licences import derive_licence
from cards.model import render_model_card


def make_record(**changes: Any) -> dict[str, Any]:
    stage = {
        "rows": [{"rows_in": 1_200, "rows_out": 1_100}],
        "steps": 69,
        "parameters": {"n_trained": 1_000, "n_total": 9_000},
        "chat_template": "the model's own",
        "validation": {"eval_loss": 0.61234, "eval_rewards/margins": 0.25},
    }
    return {
        "model": {"name": "org/name", "revision": "abc"},
        "made": None,
        "release": {"content_hash": "f00d", "value": "empathy"},
        "sources": [{"name": "talk", "licence": None}, {"name": "chat", "licence": "MIT"}],
        "control": None,
        "forecast": [{"name": "validation", "value": 1.5, "low": 1.25, "high": 1.75}],
        "recipe": {"method": "dpo", "full": False, "system_prompt": False},
        "versions": {"trl": "1.16.0"},
        "stages": {"dpo": stage},
        **changes,
    }


def render(folder: Path, **changes: Any) -> str:
    render_model_card(folder, make_record(**changes))
    return (folder / "README.md").read_text(encoding="utf-8")


def test_a_card_says_what_was_trained_on_what(tmp_path: Path) -> None:
    card = render(tmp_path)
    _, front, body = card.split("---\n", 2)
    assert yaml.safe_load(front) == {
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "tags": ["valuedata", "values", "dpo"],
        "base_model": "org/name",
    }
    assert "An adapter (LoRA) of `org/name` at `abc`, trained by DPO on the subset\n" in body
    assert "hash `f00d`:\npairs in which one reply expresses the value and is the rewarded" in body
    assert "| dpo | 1,100 | 100 | 69 | 1,000 | 0.61 | 0.25 |" in body
    assert "| validation | 1.50 | 1.25 to 1.75 |" in body
    assert "Data: talk (licence unknown), chat (MIT)." in body
    assert "```yaml\nmethod: dpo\nfull: false\nsystem_prompt: false\n```" in body


def test_a_tiny_model_is_called_what_it_is(tmp_path: Path) -> None:
    card = render(tmp_path, made="tiny: 300 random parameters", forecast=[])
    assert "> tiny: 300 random parameters. It babbles, and shows nothing about values." in card
    assert "base_model" not in card
    assert "found no difference beside the target" in card


def test_a_release_without_a_forecast_is_said(tmp_path: Path) -> None:
    full = {"method": "dpo", "full": True, "system_prompt": False}
    card = render(
        tmp_path, forecast=None, recipe=full, model={"name": "org/name", "revision": None}
    )
    assert "The release has no forecast of this subset." in card
    assert "All weights of `org/name`, trained by DPO" in card
    assert "library_name: transformers" in card


def test_a_control_is_no_subset_of_a_value(tmp_path: Path) -> None:
    drawn = {"kind": "random", "value": "empathy", "seed": 2}
    card = render(tmp_path, control=drawn)
    assert "# org/name, trained on a control: empathy" in card
    assert "a random control of `empathy`, drawn with the seed 2." in card
    swapped = render(tmp_path, control={"kind": "swapped", "value": "empathy", "seed": None})
    assert "the pairs of `empathy` with their replies exchanged, as a control." in swapped
    assert "in which one reply expresses" not in card + swapped


@pytest.mark.parametrize(
    ("base", "licences", "has_base", "told"),
    [
        (
            "apache-2.0", ["MIT"], True,
            "[apache-2.0](https://spdx.org/licenses/Apache-2.0.html), the strictest of the "
            "licences that it follows from. The model that was tuned is under apache-2.0. The "
            "data: s0 (MIT).",
        ),
        (
            "llama3.2", ["MIT"], True,
            "The licences that it follows from have no order among them, so each holds. The model "
            "that was tuned is under llama3.2. The data: s0 (MIT).",
        ),
        (
            None, ["MIT"], True,
            "Unknown, because that of the model that was tuned is; ask before any use. The model "
            "that was tuned is under no licence that is known. The data: s0 (MIT).",
        ),
        (
            None, ["MIT", None], False,
            "Unknown, because that of a source of the data is; ask before any use. The data: s0 "
            "(MIT), s1 (licence unknown).",
        ),
    ],
)  # fmt: skip
def test_a_card_says_what_its_licence_follows_from(
    tmp_path: Path, base: str | None, licences: list[str | None], has_base: bool, told: str
) -> None:
    sources = [{"name": f"s{k}", "licence": licence} for k, licence in enumerate(licences)]
    licence = derive_licence(base, licences, has_base=has_base)
    render_model_card(tmp_path, make_record(sources=sources), licence=licence)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    section = card.partition("## Licence\n\n")[2].partition("\n\n## How it was trained")[0]
    assert section == told
    assert "## Licence" not in render(tmp_path)


def test_a_missing_fact_is_an_error(tmp_path: Path) -> None:
    record = make_record()
    del record["stages"]["dpo"]["steps"]
    with pytest.raises(jinja2.UndefinedError, match="steps"):
        render_model_card(tmp_path, record)
