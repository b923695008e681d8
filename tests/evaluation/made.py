"""Prompts made by hand, so that what is counted of them can be checked by hand."""

from typing import Any

from evaluation.prompts.records import Kind, Prompt, PromptSet

__all__ = ["make_prompt", "make_set"]


def make_prompt(name: str, kind: Kind = "open", variant: str = "", **key: Any) -> Prompt:
    """One prompt of the set "made" that asks about its name; `variant` splits a family."""
    family = f"made/{name}"
    return Prompt(
        prompt_id=f"{family}/{variant}" if variant else family,
        family=family,
        messages=({"role": "user", "content": f"What of {name} {variant}".strip() + "?"},),
        kind=kind,
        key={"variant": variant, **key},
    )


def make_set(*prompts: Prompt) -> PromptSet:
    """The set "made"."""
    return PromptSet("made", prompts, "Apache-2.0", "@misc{made}", "made by hand", "nothing")
