"""Whole evaluations in which every reply says its own scores, so that all numbers are known."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evaluation.analysis import SmallestEffect
from evaluation.arms import Arm, list_roles
from evaluation.generation.generate import GenerationSettings
from evaluation.judges.bench import Bench
from evaluation.judges.judge import EXACT, PATTERNS, PatternJudge
from evaluation.run import Plan, evaluate
from evaluation.side_effects.measure import Measure
from tests.evaluation.made import make_prompt, make_set

Levels = Mapping[str, Sequence[float]]
"""Value to a score for each prompt."""

PROMPTS = make_set(
    *[make_prompt(f"p{k}", variant=variant) for k in range(12) for variant in ("neutral", "sad")]
)
"""24 prompts in twelve families."""


def _read(name: str) -> PatternJudge:
    def score(_prompt: object, reply: str) -> float:
        found = dict(part.split("=") for part in reply.split() if "=" in part)
        return float(found.get(name, "nan"))

    return PatternJudge(score, EXACT)


def make_measure(value: str, *, is_primary: bool) -> Measure:
    """Reads what a reply says of a value."""
    return Measure(
        name=f"value-{value}",
        dimension="values",
        meaning=f"share of replies that express {value}",
        source="by hand",
        kinds=frozenset({"open"}),
        judges={PATTERNS: lambda _bench: _read(value)},
        is_primary=is_primary,
    )


def write_run(
    folder: Path, value: str | None, arms: Mapping[str, Levels], **settings: Any
) -> dict[str, Any]:
    """Evaluates arms with given scores.

    Args:
        folder: Where the evaluation goes.
        value: What was induced.
        arms: "base", "tuned" and "control-N" to the scores of their replies.
        settings: How replies are drawn.
    """
    made = []
    for name, levels in arms.items():
        path = folder.with_name(f"{folder.name}-{name}.jsonl")
        said = [
            {
                "prompt_id": prompt.prompt_id,
                "reply": " ".join(f"{value}={scores[k]}" for value, scores in levels.items()),
            }
            for k, prompt in enumerate(PROMPTS.prompts)
        ]
        path.write_text("".join(json.dumps(one) + "\n" for one in said), encoding="utf-8")
        made.append(Arm(name, name.split("-")[0], outputs=path))  # type: ignore[arg-type]
    values = list(arms["tuned"])
    plan = Plan(
        arms=made,
        roles=list_roles(made),
        generators={},
        sets=[PROMPTS],
        measures=[make_measure(name, is_primary=name == value) for name in values],
        settings=GenerationSettings(**settings),
        smallest=SmallestEffect(0.05, 0.2),
        value=value,
        command="valuedata evaluate --out <there>",
    )
    return evaluate(plan, Bench(tuple(arms)), folder)
