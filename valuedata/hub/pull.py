"""A release from the Hub, verified."""

import glob
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from huggingface_hub import HfApi
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from valuedata.errors import HubError, ReleaseError
from valuedata.hub.connection import DATASET, connect, keep_trying, name_failures
from valuedata.hub.names import is_hub_name, parse_name
from valuedata.hub.settings import RETRY_SECONDS
from valuedata.release.damage import join_problems
from valuedata.release.folder import MANIFEST, Release, load_release, verify_release
from valuedata.release.staging import stage_release

__all__ = ["open_release", "pull"]


def open_release(text: str | Path, api: HfApi | None = None) -> Release:
    """Opens a release by its folder, or by its name on the Hub where there is no such folder.

    Args:
        text: A folder, or ORG/NAME or ORG/NAME@REVISION, which is downloaded into the Hub's cache.
        api: Client of the Hub; without it, one with the token of the environment or of the login.

    Raises:
        ReleaseError: If the folder is no complete release.
        HubError: If the Hub has no such release, or its hashes are wrong.
    """
    if Path(text).exists() or not is_hub_name(str(text)):
        return load_release(text)
    name, revision = parse_name(str(text))
    try:
        return _verify(name, _download(api or connect(), name, revision), is_shared=True)
    except HubError as error:
        said = str(error)
        said = said[0].lower() + said[1:] if said.startswith("The ") else said
        raise type(error)(f"There is no folder {text} here, and {said}") from error


def pull(
    name: str,
    out: Path,
    revision: str | None = None,
    api: HfApi | None = None,
    retry_seconds: float = RETRY_SECONDS,
) -> Release:
    """Brings a release of the Hub into a folder and verifies every hash.

    A stopped download goes on where it was; `out` is the old release or the new one, whole.

    Args:
        name: ORG/NAME, or ORG/NAME@REVISION.
        out: Where it goes, in place of an older release.
        revision: Branch, tag or commit; without it, the main branch.
        api: Client of the Hub; without it, one with the token of the environment or of the login.
        retry_seconds: How long to try again when the Hub does not answer or answers 5xx.

    Raises:
        ReleaseError: If `out` cannot be written.
        HubError: If the Hub has no such release, or its hashes are wrong.
    """
    name, given = parse_name(name)
    if revision is not None and given is not None:
        raise HubError(f"Two revisions of {name} are named, {given} and {revision}; give one.")
    client = api or connect()
    revision = revision or given
    downloaded = keep_trying(lambda: _download(client, name, revision), retry_seconds)
    with stage_release(out) as staging:
        for path in _list_files(name, downloaded):
            (staging / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(downloaded / path, staging / path)
        _verify(name, staging)
    return load_release(out)


def _download(api: HfApi, name: str, revision: str | None) -> Path:
    """Downloads the files of a release into the Hub's cache, and no others."""
    with name_failures(api, name, f"read {name}"):
        commit = str(api.dataset_info(name, revision=revision).sha)
        try:
            file = api.hf_hub_download(name, MANIFEST, repo_type=DATASET, revision=commit)
        except LocalEntryNotFoundError:
            raise
        except EntryNotFoundError as error:
            raise HubError(
                f"{name} holds no release at {revision or 'its main branch'}: it has no "
                f"{MANIFEST}; give a data set that `valuedata push` wrote."
            ) from error
        paths = _list_files(name, Path(file).parent)
        wanted = [glob.escape(path) for path in paths]
        folder = Path(
            api.snapshot_download(name, repo_type=DATASET, revision=commit, allow_patterns=wanted)
        )
        missing = [repr(path) for path in paths if not (folder / path).is_file()]
    if missing:
        raise HubError(
            f"What {name} holds is no whole release (it lacks {join_problems(missing)}); ask its "
            "owner to push it again."
        )
    return folder


def _list_files(name: str, folder: Path) -> list[str]:
    """Files of a release as its manifest says, which is not to be trusted about where they are."""
    with _blaming(name):
        paths = sorted([*load_release(folder).manifest["files"], MANIFEST])
    for path in paths:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts:
            raise HubError(
                f"{name} holds a release with a file outside of it ({path!r}); do not use it."
            )
        if path == "." or str(parts) != path:
            raise HubError(
                f"{name} holds a release with a file that cannot be one ({path!r}); ask its owner "
                "to push it again."
            )
    return paths


def _verify(name: str, folder: Path, *, is_shared: bool = False) -> Release:
    with _blaming(name):
        release = load_release(folder, is_shared=is_shared)
        verify_release(release)
    return release


@contextmanager
def _blaming(name: str) -> Iterator[None]:
    """Says of a damaged release that it is so on the Hub."""
    try:
        yield
    except ReleaseError as error:
        raise HubError(
            f"What {name} holds is no whole release ({str(error).rpartition(';')[0]}); ask its "
            "owner to push it again."
        ) from error
