"""The figure of a survey: every value with its numbers, the same each time."""

import pytest

from cards.figures import draw_survey


def make_panel(**one_sided: int):
    return {
        name: {
            "chosen_only": n // 3,
            "rejected_only": n - n // 3,
            "one_sided": n,
            "positive_prompt_share": 0.125,
        }
        for name, n in one_sided.items()
    }


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_a_survey_is_drawn_the_same_each_time(tmp_path, suffix):
    panels = {"all sources": make_panel(humor=1200, privacy=30), "talk": make_panel(humor=0)}
    paths = [tmp_path / f"{number}.{suffix}" for number in range(2)]
    for path in paths:
        draw_survey(panels, 500, path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert paths[0].stat().st_size > 10_000


def test_every_value_has_its_total_and_share(tmp_path):
    draw_survey({"all sources": make_panel(humor=1200, privacy=30)}, 500, tmp_path / "s.svg")
    text = (tmp_path / "s.svg").read_text(encoding="utf-8")
    for label in ("all sources", "humor", "1,200  (12.5%)", "privacy", "30  (12.5%)"):
        assert f"<!-- {label} -->" in text
