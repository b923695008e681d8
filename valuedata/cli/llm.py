"""Options of the extractor that asks a language model, and what a dry run prints."""

import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import rich_click as click

from valuedata.cli.output import echo_json, echo_table
from valuedata.cli.progress import choose_progress

if TYPE_CHECKING:
    from valuedata.recipe import Recipe

__all__ = ["LLM_SETTINGS", "llm_options", "show_estimate", "tell_tally"]

TALLY_LOGGER = "valuedata.labelling.llm.sheet"

LLM_SETTINGS: Final = {
    "extractor": "labels.extractor",
    "llm_model": "labels.llm.model",
    "llm_base_url": "labels.llm.base_url",
    "llm_mode": "labels.llm.mode",
    "llm_concurrency": "labels.llm.concurrency",
    "llm_timeout": "labels.llm.timeout_s",
    "llm_max_retries": "labels.llm.max_retries",
    "llm_max_tokens": "labels.llm.max_tokens",
    "llm_price_in": "labels.llm.price_in",
    "llm_price_out": "labels.llm.price_out",
    "llm_retry_failed": "labels.llm.retry_failed",
}
"""Name of an option to the setting of the recipe that it replaces."""

OPTIONS: Final = (
    click.option(
        "--extractor",
        metavar="NAME",
        help="Who labels: 'classifier' on this machine, or 'llm', a language model on a server.",
    ),
    click.option("--llm-model", metavar="NAME", help="Language model, as its server names it."),
    click.option(
        "--llm-base-url",
        metavar="URL",
        help="OpenAI-compatible server, such as http://127.0.0.1:8000/v1; a key is read from the "
        "environment variable VALUEDATA_LLM_KEY.",
    ),
    click.option(
        "--llm-mode",
        metavar="MODE",
        help="'closed' asks for known values, 'open' for free words that are mapped to them.",
    ),
    click.option("--llm-concurrency", type=int, metavar="N", help="Calls under way at once."),
    click.option(
        "--llm-timeout", type=float, metavar="SECONDS", help="Longest silence of an attempt."
    ),
    click.option(
        "--llm-max-retries", type=int, metavar="N", help="Further attempts of a failed call."
    ),
    click.option("--llm-max-tokens", type=int, metavar="N", help="Longest answer in tokens."),
    click.option(
        "--llm-price-in", type=float, metavar="PRICE", help="Price of a million tokens sent."
    ),
    click.option(
        "--llm-price-out", type=float, metavar="PRICE", help="Price of a million tokens answered."
    ),
    click.option(
        "--llm-retry-failed",
        is_flag=True,
        default=None,
        help="Ask again about replies that failed in an earlier run.",
    ),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Count the calls of the llm and estimate tokens and price; call and write nothing.",
    ),
)


def llm_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, in their order."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def tell_tally(*, quiet: bool) -> None:
    """Lets a run that asks a language model say on stderr what it took."""
    logging.getLogger(TALLY_LOGGER).setLevel(logging.NOTSET if quiet else logging.INFO)


def show_estimate(recipe: "Recipe", *, clean: bool, as_json: bool, quiet: bool) -> None:
    """Prints what labelling would take.

    Args:
        recipe: What would be labelled.
        clean: Whether the pairs would be cleaned first.
        as_json: Print JSON instead of a table.
        quiet: Show no progress.

    Raises:
        ValuedataError: Whatever the user can mend.
    """
    from valuedata.estimate import estimate

    found = estimate(recipe, choose_progress(quiet=quiet), clean=clean)
    if as_json:
        echo_json(asdict(found))
        return
    echo_table(
        ("what labelling would take", ""),
        (
            ("replies", found.n_replies),
            ("distinct replies", found.n_distinct),
            ("answers in the cache", found.n_distinct - found.n_calls),
            ("calls", found.n_calls),
            ("tokens in, estimated", found.tokens_in),
            ("tokens out, estimated", found.tokens_out),
            *([("price, estimated", f"{found.price:,.2f}")] if found.price is not None else []),
        ),
    )
