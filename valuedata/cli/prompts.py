"""prompts: what a model can be evaluated on."""

from collections import Counter
from typing import TYPE_CHECKING, Any

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import echo_json, echo_table

if TYPE_CHECKING:
    from evaluation.prompts.records import PromptSet

__all__ = ["prompts"]


@click.command
@json_option
def prompts(*, as_json: bool) -> None:
    """List the sets of prompts, bundled and public, with kind, number and licence.

    Bundled sets were written for this package and work offline. Public ones are read from a local
    copy as NAME=PATH, or from the Hub where the table names a data set; their number is known once
    they are read. --json adds what each measures and how to cite it.

    \b
    Examples:
    valuedata prompts
    valuedata prompts --json
    """
    from evaluation.prompts.public_table import PUBLIC_SETS
    from evaluation.prompts.sets import load_prompt_sets

    bundled = {found.name: _count(found) for found in load_prompt_sets()}
    if as_json:
        public = {
            name: {key: fact for key, fact in vars(entry).items() if key not in {"parts", "lines"}}
            | {"files": entry.files}
            for name, entry in PUBLIC_SETS.items()
        }
        echo_json({"bundled": bundled, "public": public})
        return
    columns = ("name", "prompts", "families", "kinds", "licence", "where")
    echo_table(
        columns,
        (
            (
                name,
                sum(facts["kinds"].values()),
                facts["families"],
                ", ".join(facts["kinds"]),
                facts["licence"],
                "bundled",
            )
            for name, facts in bundled.items()
        ),
    )
    click.echo()
    echo_table(
        ("name", "kinds", "licence", "where"),
        (
            (
                entry.name,
                ", ".join(entry.kinds),
                entry.licence,
                entry.repository or "local files",
            )
            for entry in PUBLIC_SETS.values()
        ),
    )


def _count(found: "PromptSet") -> dict[str, Any]:
    kinds = Counter(prompt.kind for prompt in found.prompts)
    return {
        "kinds": dict(kinds),
        "families": len({prompt.family for prompt in found.prompts}),
        "measures": found.measures,
        "licence": found.licence,
        "citation": found.citation,
        "content_hash": found.content_hash,
    }
