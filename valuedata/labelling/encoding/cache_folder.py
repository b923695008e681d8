"""Where caches are."""

import os
from pathlib import Path

from valuedata.errors import LabelError

__all__ = ["find_cache_folder"]


def find_cache_folder() -> Path:
    """The folder of caches: `VALUEDATA_CACHE`, else `valuedata` in the user's cache folder.

    Raises:
        LabelError: If a home folder is needed and not known.

    Source: XDG Base Directory Specification, for `XDG_CACHE_HOME` and its default.
    """
    own = os.environ.get("VALUEDATA_CACHE")
    shared = os.environ.get("XDG_CACHE_HOME")
    try:
        if own:
            return Path(own).expanduser()
        return (Path(shared) if shared else Path("~/.cache").expanduser()) / "valuedata"
    except RuntimeError as error:
        raise LabelError(
            f"The home folder of {own or '~/.cache'} is not known; set VALUEDATA_CACHE to a folder "
            "by its whole path."
        ) from error
