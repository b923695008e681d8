"""The curves of a training are those of its metrics."""

from pathlib import Path

from training.figure import draw_curves, list_curves

LINES = [
    {"step": 1, "loss": 0.7},
    {"step": 2, "loss": 0.5},
    {"step": 2, "eval_loss": 0.6, "eval_rewards/margins": 0.1},
    {"step": 2, "train_loss": 0.6},
]


def test_training_and_validation_are_two_curves() -> None:
    assert list_curves(LINES, "loss") == (([1, 2], [0.7, 0.5]), ([2], [0.6]))
    assert list_curves(LINES, "rewards/margins") == (([], []), ([2], [0.1]))


def test_a_figure_is_drawn_even_of_nothing(tmp_path: Path) -> None:
    for number, lines in enumerate((LINES, [])):
        file = tmp_path / f"{number}.png"
        draw_curves(lines, file)
        assert file.read_bytes().startswith(b"\x89PNG")
