"""cache: the commands that show and empty what is kept between runs."""

from typing import TYPE_CHECKING

import rich_click as click

from valuedata.cli.options import json_option
from valuedata.cli.output import clean_line, echo_json, echo_table

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from valuedata.labelling.caches import CacheFile

__all__ = ["cache"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cache() -> None:
    """Show or empty the cache, in which labelling and evaluation keep between runs what costs.

    It is in VALUEDATA_CACHE, else in the user's cache folder.  The vectors take at most
    VALUEDATA_CACHE_LIMIT, such as 500MB or 20GB, else 10GB: those not used for longest go first.
    Answers of a language model that labels, replies of models that are evaluated and judgements of
    a language model about these, which are small and were paid for, have no limit.

    \b
    Examples:
    valuedata cache info
    valuedata cache clear
    """


@cache.command()
@json_option
def info(*, as_json: bool) -> None:
    """Show where the cache is, what it holds, and its limit.

    \b
    Examples:
    valuedata cache info
    valuedata cache info --json
    """
    from valuedata.labelling.caches import list_caches
    from valuedata.labelling.encoding.cache import read_limit
    from valuedata.labelling.encoding.cache_folder import find_cache_folder

    folder, limit = find_cache_folder(), read_limit()
    files = list_caches(folder)
    if as_json:
        echo_json(_summarise(folder, limit, files))
        return
    click.echo(clean_line(f"Cache in {folder}"))
    echo_table(
        ("kind", "file", "entries", "MB", "limit in MB"),
        (
            (
                file.kind,
                file.path.name,
                _name_fault(file) if file.n_entries is None else file.n_entries,
                f"{file.n_bytes / 1e6:,.1f}",
                f"{limit / 1e6:,.0f}" if file.kind == "vectors" else "none",
            )
            for file in files
        ),
    )


@cache.command()
@click.option(
    "--only",
    type=click.Choice(["vectors", "answers", "replies", "judgements"]),
    help="Drop one kind alone: vectors cost time; answers of a language model that labels, replies "
    "of models that are evaluated and judgements about these also money.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def clear(*, only: str | None, yes: bool) -> None:
    """Empty the cache; what is needed again is computed or asked again.

    \b
    Examples:
    valuedata cache clear
    valuedata cache clear --only vectors --yes
    """
    from valuedata.errors import LabelError
    from valuedata.labelling.caches import CACHES, clear_cache, list_caches
    from valuedata.labelling.encoding.cache_folder import find_cache_folder

    folder = find_cache_folder()
    kinds = [only] if only else list(CACHES)
    files = [
        file
        for file in list_caches(folder)
        if file.kind in kinds and (file.n_bytes or file.n_entries is None)
    ]
    if not files:
        click.echo(clean_line(f"Nothing to drop in {folder}"))
        return
    *some, last = (_tell(file) for file in files)
    told = f"{', '.join(some)} and {last}" if some else last
    if not yes and not _confirm(f"Drop {told} in {folder}?"):
        raise LabelError("Nothing was dropped; answer y, or give --yes, to empty the cache.")
    clear_cache(folder, kinds)
    click.echo(clean_line(f"Dropped {told} in {folder}"))


def _summarise(folder: "Path", limit: int, files: "Sequence[CacheFile]") -> dict[str, object]:
    """What the cache holds, as JSON types."""
    return {
        "folder": str(folder),
        "limit_bytes": limit,
        "kinds": {
            file.kind: {
                "file": file.path.name,
                "entries": file.n_entries,
                "bytes": file.n_bytes,
                "damaged": file.is_damaged,
                "limited": file.kind == "vectors",
            }
            for file in files
        },
    }


def _tell(file: "CacheFile") -> str:
    size = f"{file.n_bytes / 1e6:,.1f} MB"
    if file.n_entries is None:
        article = "a" if file.is_damaged else "an"
        return f"{article} {_name_fault(file)} file of {file.kind} ({size})"
    return f"{file.n_entries:,} {file.kind} ({size})"


def _name_fault(file: "CacheFile") -> str:
    return "damaged" if file.is_damaged else "unreadable"


def _confirm(question: str) -> bool:
    try:
        return click.confirm(clean_line(question), err=True)
    except click.Abort:
        return False
